"""The images that trainings of our own see."""

from itertools import product

import gluon_doconv as doconv
from gluon_doconv.lab import images

import numpy as np
import pytest


def write_cifar(folder, labels_a_record, names):
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    written = {}
    for name in names:
        pixels = random.integers(256, size=(3, 3072), dtype=np.uint8)
        labels = random.integers(10, size=(3, labels_a_record), dtype=np.uint8)
        (folder / name).write_bytes(np.concatenate([labels, pixels], axis=1).tobytes())
        written[name] = pixels.reshape(-1, 3, 32, 32), labels[:, -1]
    return written


@pytest.mark.parametrize("name, labels, sub", [("cifar10", 1, "cifar-10-batches-bin"), ("cifar100", 2, "")])
def test_cifar_files(tmp_path, name, labels, sub):
    spec = images.CIFAR[name]
    written = write_cifar(tmp_path / "data" / sub, labels, [*spec.train, spec.validation])
    found = images.load(name, tmp_path / "data")
    pixels = np.concatenate([written[file][0] for file in spec.train])
    np.testing.assert_array_equal(found.train.labels, np.concatenate([written[f][1] for f in spec.train]))
    np.testing.assert_array_equal(found.validation.images, written[spec.validation][0])
    channels = pixels.transpose(1, 0, 2, 3).reshape(3, -1).astype("float64")
    mean, deviation = (getattr(channels, name)(axis=1)[:, None, None] for name in ("mean", "std"))
    np.testing.assert_allclose(
        found.validation_batch(slice(2)),
        (written[spec.validation][0][:2] - mean) / deviation,
        rtol=1e-4,
        atol=1e-5,
    )
    assert found.classes == int(name[5:])


def test_images_are_cropped_and_flipped_as_he_et_al_do():
    """Every augmented image is one of the 9 × 9 × 2 that can be cut from its padded original."""
    random = np.random.RandomState(0)
    originals = random.normal(size=(40, 3, 8, 8)).astype("float32")
    seen = set()
    for original, augmented in zip(originals, images._augment(originals, random)):
        padded = np.pad(original, [(0, 0), (4, 4), (4, 4)])
        crops = {(t, left): padded[:, t : t + 8, left : left + 8] for t, left in product(range(9), range(9))}
        flips = {(*at, flip): c[..., ::-1] if flip else c for at, c in crops.items() for flip in (False, True)}
        (at,) = [at for at, image in flips.items() if np.array_equal(image, augmented)]
        seen.add(at)
    assert {flip for *_, flip in seen} == {False, True} and len(seen) > 30


def test_digits_are_apart_and_balanced_and_never_flipped():
    found = images.load("digits-1000-4000", None)
    assert not found.augmented
    train, validation = ({image.tobytes() for image in part.images} for part in (found.train, found.validation))
    assert not train & validation and len(train | validation) == 5000
    assert np.bincount(found.train.labels).tolist() == [100] * 10
    assert np.bincount(found.validation.labels).tolist() == [400] * 10


@pytest.mark.parametrize(
    "name, folder, message",
    [
        ("cifar10", None, "cifar10 is needed: give the folder of its files with --data"),
        ("cifar100", "", "there is no test.bin"),
        ("mnist", None, "there are no images called 'mnist'"),
        ("digits-4000-2000", None, "there are 5,000 digits in all"),
    ],
)
def test_data_that_are_missing(tmp_path, name, folder, message):
    with pytest.raises(doconv.DOConvError, match=message):
        images.load(name, None if folder is None else tmp_path)


def test_a_cifar_file_that_is_cut_short(tmp_path):
    spec = images.CIFAR["cifar100"]
    write_cifar(tmp_path / "c", 2, [*spec.train, spec.validation])
    (tmp_path / "c" / "train.bin").write_bytes(b"x" * 4000)
    with pytest.raises(doconv.DOConvError, match=r"train\.bin is damaged: 4000 bytes"):
        images.load("cifar100", tmp_path / "c")
