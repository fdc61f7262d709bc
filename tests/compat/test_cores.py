"""The threads that MXNet is given, in processes that have not loaded it yet."""

import os

from gluon_doconv.compat.cores import CHOICES, LOCAL_WORKERS, VARIABLE, local_workers, use_physical_cores

import pytest
from processes import doconv_run, write

SAY = f"import os; print(os.environ.get({VARIABLE!r}))"


@pytest.fixture
def threads(tmp_path, monkeypatch):
    """What a script finds that the runner starts on one processor."""
    for name in (*CHOICES, *LOCAL_WORKERS):
        monkeypatch.delenv(name, raising=False)
    script, before = write(tmp_path / "say.py", SAY), os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield lambda *options, **environment: doconv_run("--off", *options, script, cwd=tmp_path, **environment)
    os.sched_setaffinity(0, before)


def test_a_script_has_a_thread_for_each_core_it_may_use(threads):
    done = threads()
    assert done.stdout == "1\n"
    assert f"gluon-doconv: {VARIABLE}=1, to compute with every core" in done.stderr


def test_a_persons_own_number_stands(threads):
    assert threads(OMP_NUM_THREADS="3").stdout == "None\n"
    assert threads(MXNET_OMP_MAX_THREADS="3").stdout == "3\n"


def test_it_can_be_left_as_it_is(threads):
    done = threads("--no-workaround", "physical-cores")
    assert done.stdout == "None\n" and VARIABLE not in done.stderr


def test_once_mxnet_is_loaded_nothing_is_changed(monkeypatch):
    for name in CHOICES:
        monkeypatch.delenv(name, raising=False)
    assert use_physical_cores() is None and VARIABLE not in os.environ


def test_workers_of_one_machine_are_counted():
    assert local_workers({}) == local_workers({"HOROVOD_LOCAL_SIZE": "0"}) == 1
    assert local_workers({"HOROVOD_LOCAL_SIZE": "4"}) == local_workers({"MPI_LOCALNRANKS": "4"}) == 4
