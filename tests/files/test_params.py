"""Files: whole or not at all, and damage is told from content."""

import struct

from gluon_doconv import DOConvError
from gluon_doconv.files import params_format
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
    with path.open("rb") as file:
        params_format.check(file)


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


@pytest.mark.parametrize("semantics", [mx.util.np_shape(False), mx.util.np_shape(True)])
def test_what_is_written_is_what_mxnet_writes(path, semantics):
    with semantics:
        mx.nd.save(str(path), ARRAYS)
        assert b"".join(params_format.content(ARRAYS)) == path.read_bytes()


def array(kind=0xF993FAC9, storage=0, shape=(2,), device=1, number=0, dtype=0, values=bytes(8)):
    head = struct.pack(f"<Iii{len(shape)}q", kind, storage, len(shape), *shape)
    return head + struct.pack("<iii", device, number, dtype) + values


def file_of(*arrays, names=None):
    names = [f"a{number}" for number in range(len(arrays))] if names is None else names
    listed = b"".join(struct.pack("<Q", len(name)) + name.encode() for name in names)
    return (
        struct.pack("<QQQ", 0x112, 0, len(arrays)) + b"".join(arrays) + struct.pack("<Q", len(names)) + listed
    )


@pytest.mark.parametrize(
    "content, reason",
    [
        (file_of(array(), array(), names=["a", "a"]), "two arrays have one name"),
        (file_of(array(), names=["a", "b"]), "1 arrays have 2 names"),
        (file_of(array(dtype=77)), "unknown type"),
        (file_of(array(device=77)), "device"),
        (file_of(array(shape=(), values=b"")), "no values"),
        (file_of(*[struct.pack("<I", 0)] * 5), "no values"),
        (file_of(array(shape=(-2, -1))), "does not fit in"),
        (file_of(array(shape=(2**40, 2**40))), "does not fit in"),
        (struct.pack("<QQQ", 0x112, 0, 5_000_000) + bytes(20_000_008), "5000000 arrays"),
    ],
)
def test_what_mxnet_would_believe(path, content, reason):
    path.write_bytes(content)
    with pytest.raises(DOConvError, match=reason):
        read_params(path)
