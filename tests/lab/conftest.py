"""What several files of tests need: small data sets, a network of a second."""

from gluon_doconv.lab import datasets
from gluon_doconv.lab.experiments import resumable

import pytest
from gluoncv.data import sampler
from layouts import write
from trainings import tiny

if not hasattr(sampler, "SplitSortedBucketSampler"):  # GluonCV before 0.9 has not what the detection demo needs
    collect_ignore = ["test_demo_scores.py", "test_demo_stages.py"]


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Every layout, written once; nobody writes into it."""
    root = tmp_path_factory.mktemp("datasets")
    return {layout: write(layout, root / layout) for layout in datasets.LAYOUTS}


@pytest.fixture
def tiny_network(monkeypatch):
    """Every network that trainings of our own build is the tiny one."""
    monkeypatch.setattr(resumable, "build", tiny)
