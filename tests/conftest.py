"""How the tests run: reproducibly, and without a deadline, since MXNet compiles on the first call."""

import gluon_doconv  # noqa: F401  (before MXNet, which does not import on today's NumPy by itself)

# isort: split
import mxnet as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# The default repeats the same cases; `pytest --hypothesis-profile=explore` makes new ones every time.
settings.register_profile(
    "repeat", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("repeat"), derandomize=False)
settings.load_profile("repeat")

TAKE_LONG = (
    "test_zoo_sweep",
    "test_scripts",
    "test_demo_stages",
    "test_estimator_scripts",
    "test_upstream_tests",
    "test_run",
    "test_run_files",
    "test_run_workers",
    "test_seeding",
)


def pytest_configure(config):
    config.option.loadscopereorder = False  # of pytest-xdist: files with many tests first


def pytest_collection_modifyitems(items):
    """What takes long goes first, so that of two processes neither is left with it when the other is done."""
    items.sort(key=lambda item: item.path.stem not in TAKE_LONG)


@pytest.fixture(autouse=True)
def same_random_numbers():
    mx.random.seed(0)
    np.random.seed(0)
