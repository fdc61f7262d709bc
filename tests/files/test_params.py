"""Files: whole or not at all, and damage is told from content."""

import os
import stat
import subprocess
import sys

from gluon_doconv import DOConvError
from gluon_doconv.files import params_format as params_format
from gluon_doconv.files.atomic import atomic
from gluon_doconv.files.params import read_params, write_params

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ARRAYS = {"a.weight": mx.nd.ones((4, 3, 3, 3)), "a.D": mx.nd.zeros((9, 9, 3)), "b": mx.nd.arange(5)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.params"


def test_round_trip(path):
    dtypes = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64")
    arrays = {f"{dtype}.{i}": mx.nd.ones((2,) * i, dtype=dtype) for dtype in dtypes for i in (1, 4)}
    write_params(path, arrays)
    read = read_params(path)
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name].asnumpy(), array.asnumpy())


def test_arrays_saved_under_numpy_semantics(path):
    with mx.util.np_shape():
        mx.nd.save(str(path), {"scalar": mx.nd.ones(()), "none": mx.nd.ones((0, 2)), "vector": mx.nd.ones(3)})
    params_format.check(path)


@pytest.mark.parametrize("long_shape", [False, True])
def test_files_of_old_versions_of_mxnet(path, long_shape):
    """Written by hand: a shape in short numbers after its length, or in long ones after another mark."""
    shape = np.array([2, 3], np.int64 if long_shape else np.uint32).tobytes()
    mark = np.array([0xF993FAC8, 2] if long_shape else [2], np.uint32).tobytes()
    cpu_float32 = np.array([1, 0, 0], np.int32).tobytes()
    head, names = np.array([0x112, 0, 1], np.uint64).tobytes(), np.array([1, 1], np.uint64).tobytes()
    values = np.arange(6, dtype=np.float32)
    path.write_bytes(head + mark + shape + cpu_float32 + values.tobytes() + names + b"w")
    np.testing.assert_array_equal(read_params(path)["w"].asnumpy(), values.reshape(2, 3))


def test_what_is_no_params_file(path, tmp_path):
    with pytest.raises(DOConvError, match="there is no such file"):
        read_params(path)
    with pytest.raises(DOConvError, match="there is no such file"):
        read_params(tmp_path)
    mx.nd.save(str(path), [mx.nd.ones(1), mx.nd.ones(1)])
    with pytest.raises(DOConvError, match="holds 2 arrays without names"):
        read_params(path)
    mx.nd.save(str(path), {"a": mx.nd.ones((2, 2)).tostype("csr")})
    with pytest.raises(DOConvError, match="sparse"):
        read_params(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "net.params"
    write_params(path, ARRAYS)
    return path.read_bytes()


def test_a_file_that_ends_early(path, sound):
    for length in [*range(0, 200), *range(200, len(sound), 37), len(sound) - 1]:
        path.write_bytes(sound[:length])
        with pytest.raises(DOConvError, match="is damaged") as caught:
            read_params(path)
        assert isinstance(caught.value.__cause__, ValueError)  # MXNet was not even asked


def test_a_file_that_goes_on(path, sound):
    path.write_bytes(sound + b"\0")
    with pytest.raises(DOConvError, match="is damaged"):
        read_params(path)


@settings(max_examples=300)
@given(st.data())
def test_damage_is_noticed_or_harmless(tmp_path_factory, sound, data):
    """Wherever it is: MXNet alone runs for hours, or dies, of some of these files."""
    damaged = bytearray(sound)
    headers = st.one_of(st.integers(0, 80), st.integers(len(sound) - 60, len(sound) - 1))
    for place in data.draw(st.lists(headers, min_size=1, max_size=8)):
        damaged[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "net.params"
    path.write_bytes(damaged)
    try:
        arrays = read_params(path)
    except DOConvError as error:
        assert "net.params" in str(error)
    else:
        assert sum(array.size for array in arrays.values()) <= len(sound)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_noise_is_no_file(tmp_path_factory, noise):
    path = tmp_path_factory.getbasetemp() / "net.params"
    path.write_bytes(noise)
    with pytest.raises(DOConvError, match="is damaged"):
        read_params(path)


def test_written_files_have_ordinary_permissions(path):
    write_params(path, ARRAYS)
    ordinary = path.with_name("ordinary")
    ordinary.write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_while_writing_changes_nothing(tmp_path, existing):
    targets = [tmp_path / "one", tmp_path / "two"]
    for target in targets if existing else []:
        target.write_text("old")
    with pytest.raises(RuntimeError), atomic(*targets) as (one, _):
        with open(one, "w") as file:
            file.write("half")
        raise RuntimeError
    assert [target.read_text() for target in targets if target.exists()] == ["old", "old"] * existing
    assert sorted(tmp_path.iterdir()) == (targets if existing else [])


DIE_WHILE_WRITING = """
import os, signal, sys
from gluon_doconv.files.params import write_params
import mxnet as mx

def half(path, arrays):
    with open(path, "wb") as file:
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

mx.nd.save = half
write_params(sys.argv[1], {"a": None})
"""


@pytest.mark.slow
@pytest.mark.parametrize("existing", [True, False])
def test_a_process_killed_while_writing_changes_nothing(path, existing):
    if existing:
        write_params(path, ARRAYS)
        old = path.read_bytes()
    process = subprocess.run([sys.executable, "-c", DIE_WHILE_WRITING, str(path)], capture_output=True)
    assert process.returncode == -9, process.stderr
    assert path.exists() == existing
    assert not existing or path.read_bytes() == old
    # What is left of the new file cannot be mistaken for one.
    assert [p.suffix for p in path.parent.iterdir() if p != path] == [".part"]


@pytest.mark.parametrize("folder", ["missing", "a_file"])
def test_a_folder_that_does_not_exist(tmp_path, folder):
    (tmp_path / "a_file").write_text("")
    with pytest.raises(DOConvError, match=f"the folder .*{folder} does not exist"):
        write_params(tmp_path / folder / "net.params", ARRAYS)
    assert os.listdir(tmp_path) == ["a_file"]


def test_a_target_that_is_a_folder(tmp_path):
    target = tmp_path / "net.params"
    target.mkdir()
    with pytest.raises(OSError):
        write_params(target, ARRAYS)
    assert list(tmp_path.iterdir()) == [target]


def test_of_several_targets_none_is_written_if_one_has_no_folder(tmp_path):
    with pytest.raises(DOConvError), atomic(tmp_path / "one", tmp_path / "missing" / "two"):
        pass
    assert list(tmp_path.iterdir()) == []
