"""Every layout is read back with the class GluonCV's scripts read it with, and compared with what was drawn."""

import hashlib
import json
import struct

from gluon_doconv import DOConvError
from gluon_doconv.cli import main
from gluon_doconv.lab import datasets
from gluon_doconv.lab.datasets import cityscapes, coco, voc
from gluon_doconv.lab.datasets.scenes import PARTS, Plan

import gluoncv.data as gcv
import mxnet as mx
import numpy as np
import pytest
from click.testing import CliRunner
from mxnet.gluon.data.vision import CIFAR10, ImageRecordDataset
from mxnet.gluon.data.vision import datasets as mxnet_datasets
from pycocotools.coco import COCO

IMAGES = 8
SMALL = {"voc": (96, 128), "coco": (240, 320), "cityscapes": (64, 128), "cifar": None, "imagenet": (64, 64)}
MAT_HEADER = 116  # bytes of free text at the start of a .mat file: it holds the date


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Every layout, written once."""
    root = tmp_path_factory.mktemp("datasets")
    return {layout: write(layout, root / layout) for layout in datasets.LAYOUTS}


def write(layout, target, seed=0):
    options = {"rec": True} if layout == "imagenet" else {}
    return datasets.write(layout, target, IMAGES, SMALL[layout], seed, **options)


def plan(layout):
    return Plan(IMAGES, SMALL[layout] or (32, 32), 0)


def nearly(image, scene):
    """JPEG keeps the picture, not the pixels."""
    image = image.asnumpy() if isinstance(image, mx.nd.NDArray) else image
    assert image.shape == scene.image.shape
    return np.abs(image.astype(float) - scene.image).mean() < 6


def inclusive(box):
    left, top, right, bottom = box
    return [left, top, right - 1, bottom - 1]


# The scenes


def test_boxes_and_masks_fit_the_digits():
    for scene in Plan(60, (96, 128), 1).scenes("train"):
        assert scene.image.dtype == np.uint8 and scene.image.shape == (96, 128, 3) and scene.things
        assert sum(thing.mask.astype(int) for thing in scene.things).max() == 1
        for thing in scene.things:
            left, top, right, bottom = thing.box
            assert right - left >= 2 and bottom - top >= 2
            assert thing.mask[top:bottom, left:right].sum() == thing.mask.sum() > 0
            assert thing.mask[top].any() and thing.mask[bottom - 1].any()
            assert thing.mask[:, left].any() and thing.mask[:, right - 1].any()


@pytest.mark.parametrize("kind", ["scenes", "portraits"])
def test_no_digit_is_in_two_parts(kind):
    seen = {
        part: {
            thing.drawing.tobytes()
            for scene in getattr(Plan(200, (32, 32), 0), kind)(part)
            for thing in scene.things
        }
        for part in PARTS
    }
    assert all(seen.values())
    assert not (seen["train"] & seen["val"] or seen["train"] & seen["test"] or seen["val"] & seen["test"])


def test_more_images_begin_with_the_same_ones():
    few, many = (list(Plan(count, (48, 64), 0).scenes("train")) for count in (3, 6))
    assert all((a.image == b.image).all() for a, b in zip(few, many))


def test_only_the_digits_asked_for_occur():
    few = [
        thing.digit for scene in Plan(30, (48, 64), 0, digits=(2, 7)).scenes("train") for thing in scene.things
    ]
    assert set(few) == {2, 7}


@pytest.mark.parametrize("digits", [(), (3, 10)])
def test_digits_that_do_not_exist_are_refused(tmp_path, digits):
    with pytest.raises(DOConvError, match="from 0 to 9"):
        datasets.write("coco", tmp_path / "new", 1, (64, 64), digits=digits)
    assert not (tmp_path / "new").exists()


# The layouts


@pytest.mark.parametrize(
    ("year", "title", "parts"),
    [(2007, "trainval", ("train", "val")), (2007, "test", ("test",)), (2012, "train", ("train",))],
)
def test_voc_detection(folders, year, title, parts):
    read = gcv.VOCDetection(root=str(folders["voc"]), splits=[(year, title)])
    drawn = [scene for part in parts for scene in plan("voc").scenes(part, voc.YEARS.index(year))]
    assert len(read) == len(drawn)
    for (image, label), scene in zip(read, drawn):
        assert nearly(image, scene)
        expected = [[*inclusive(thing.box), thing.digit, 0] for thing in scene.things]
        np.testing.assert_array_equal(label, expected)


def test_voc_segmentation(folders):
    read = gcv.VOCSegmentation(root=str(folders["voc"]), split="val", mode="testval")
    drawn = list(plan("voc").scenes("val", series=1))
    assert len(read) == len(drawn)
    for (image, mask), scene in zip(read, drawn):
        assert nearly(image, scene)
        mask, expected = mask.asnumpy(), scene.label_map(voc.LABELS, 0)
        void = mask == -1
        assert (mask[~void] == expected[~void]).all() and not expected[void].any()
        assert 0 < void.sum() < 4 * (expected > 0).sum()


def test_voc_segmentation_for_training_and_test(folders):
    root = str(folders["voc"])
    assert len(gcv.VOCSegmentation(root=root, split="train")) == IMAGES + 2  # GluonCV trains on trainval
    image, name = gcv.VOCSegmentation(root=root, split="test", mode="test")[0]
    assert nearly(image, next(plan("voc").scenes("test", series=1))) and name.startswith("2012_")


def test_voc_masks_have_the_colours_of_voc(folders):
    from PIL import Image

    path = next((folders["voc"] / "VOC2012" / "SegmentationClass").iterdir())
    palette = Image.open(path).getpalette()
    assert palette[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] and palette[-3:] == [224, 224, 192]


def test_voc_augmentation(folders):
    root = str(folders["voc"])
    assert len(gcv.VOCAugSegmentation(root=root, split="train")) == IMAGES + 2
    read = gcv.VOCAugSegmentation(root=root, split="val", base_size=96, crop_size=96)
    drawn = list(plan("voc").scenes("val", series=2))
    assert len(read) == len(drawn)
    for number, scene in enumerate(drawn):
        mask = np.array(read._load_mat(read.masks[number]))
        np.testing.assert_array_equal(mask, scene.label_map(voc.LABELS, 0))
        image, cropped = read[number]
        assert nearly(image.slice_axis(1, 0, 96), scene._replace(image=scene.image[:, 16:112]))
        np.testing.assert_array_equal(cropped.asnumpy(), mask[:, 16:112])


@pytest.mark.parametrize("part", ["train", "val"])
def test_coco_detection(folders, part):
    read = gcv.COCODetection(root=str(folders["coco"]), splits=f"instances_{part}2017")
    drawn = list(plan("coco").scenes(part))
    assert len(read) == len(drawn)
    for (image, label), scene in zip(read, drawn):
        assert nearly(image, scene)
        np.testing.assert_array_equal(label[:, :4], [inclusive(thing.box) for thing in scene.things])
        names = [gcv.COCODetection.CLASSES[int(number)] for number in label[:, 4]]
        same = {"aeroplane": "airplane"}
        voc_names = [gcv.VOCDetection.CLASSES[thing.digit] for thing in scene.things]
        assert names == [same.get(name, name) for name in voc_names]


@pytest.mark.parametrize("part", ["train", "val"])
def test_coco_masks_are_exact(folders, part):
    truth = COCO(str(folders["coco"] / "annotations" / f"instances_{part}2017.json"))
    images = truth.loadImgs(sorted(truth.getImgIds()))
    for entry, scene in zip(images, plan("coco").scenes(part)):
        annotations = truth.loadAnns(truth.getAnnIds(entry["id"]))
        assert len(annotations) == len(scene.things)
        for annotation, thing in zip(annotations, scene.things):
            np.testing.assert_array_equal(truth.annToMask(annotation), thing.mask)
            assert annotation["area"] == thing.mask.sum()
            assert annotation["category_id"] == coco.DIGIT_IDS[thing.digit]


def test_coco_category_numbers_are_the_published_ones(folders):
    truth = json.loads((folders["coco"] / "annotations" / "instances_val2017.json").read_text())
    numbers = {category["name"]: category["id"] for category in truth["categories"]}
    assert len(numbers) == 80
    assert (numbers["person"], numbers["stop sign"], numbers["backpack"]) == (1, 13, 27)
    assert (numbers["dining table"], numbers["tv"], numbers["toothbrush"]) == (67, 72, 90)


def test_an_outline_with_holes_in_any_place_is_exact():
    from pycocotools import mask as codec

    rng = np.random.default_rng(0)
    for _ in range(200):
        mask = rng.random((12, 15)) < rng.uniform(0.3, 0.98)
        polygons = [outline.ravel().tolist() for outline in coco._outlines(mask)]
        decoded = codec.decode(codec.merge(codec.frPyObjects(polygons, *mask.shape)))
        np.testing.assert_array_equal(decoded, mask)


def test_coco_instances(folders):
    read = gcv.COCOInstance(root=str(folders["coco"]), splits="instances_val2017")
    for (image, label, polygons), scene in zip(read, plan("coco").scenes("val")):
        assert nearly(image, scene)
        np.testing.assert_array_equal(label[:, :4], [thing.box for thing in scene.things])
        assert len(polygons) == len(scene.things)


def test_coco_segmentation_sees_the_classes_of_voc(tmp_path):
    root = write("coco", tmp_path / "coco")  # of its own: GluonCV writes into it
    read = gcv.COCOSegmentation(root=str(root), split="train", mode="testval")
    drawn = [
        scene for scene in plan("coco").scenes("train") if (scene.label_map(voc.LABELS, 0) > 0).sum() > 1000
    ]
    assert len(read) == len(drawn) > 0
    for (_, mask), scene in zip(read, drawn):
        np.testing.assert_array_equal(mask.asnumpy(), scene.label_map(voc.LABELS, 0))


@pytest.mark.parametrize("part", ["train", "val"])
def test_cityscapes(folders, part):
    read = gcv.CitySegmentation(root=str(folders["cityscapes"]), split=part, mode="testval")
    drawn = list(plan("cityscapes").scenes(part))
    assert len(read) == len(drawn)
    order = np.argsort(read.images)  # the class lists the folder in the order the disk has it
    classes = tuple(read.valid_classes.index(number) for number in cityscapes.LABEL_IDS)
    for number, scene in zip(order, drawn):
        image, mask = read[int(number)]
        np.testing.assert_array_equal(image.asnumpy(), scene.image)
        np.testing.assert_array_equal(mask.asnumpy(), scene.label_map(classes, 0))
    assert read.CLASSES[0] == "road"


@pytest.mark.parametrize(("train", "part"), [(True, "train"), (False, "val")])
def test_cifar(folders, monkeypatch, train, part):
    folder = folders["cifar"]
    monkeypatch.setattr(mxnet_datasets, "check_sha1", lambda path, sha1: datasets.layout_of(folder) == "cifar")
    read = CIFAR10(root=str(folder), train=train)
    drawn = list(plan("cifar").portraits(part))
    assert len(read) == len(drawn)
    for (image, label), scene in zip(read, drawn):
        np.testing.assert_array_equal(image.asnumpy(), scene.image)
        assert label == scene.things[0].digit


@pytest.mark.parametrize("part", ["train", "val"])
def test_imagenet(folders, part):
    read = gcv.ImageNet(root=str(folders["imagenet"]), train=part == "train")
    assert read.synsets == gcv.ImageNet1kAttr().synset[:10]
    drawn = list(plan("imagenet").portraits(part))
    assert len(read) == len(drawn)
    order = sorted(range(len(read)), key=lambda index: read.items[index][0].split("_")[-1])
    for index, scene in zip(order, drawn):
        image, label = read[index]
        assert nearly(image, scene) and label == scene.things[0].digit


@pytest.mark.parametrize("part", ["train", "val"])
def test_imagenet_records(folders, part):
    path = str(folders["imagenet"] / "rec" / f"{part}.rec")
    drawn = list(plan("imagenet").portraits(part))
    read = ImageRecordDataset(path)
    assert len(read) == len(drawn)
    for (image, label), scene in zip(read, drawn):
        assert nearly(image, scene) and label == scene.things[0].digit
    batch = next(
        mx.io.ImageRecordIter(
            path_imgrec=path,
            path_imgidx=path.replace(".rec", ".idx"),
            batch_size=len(drawn),
            data_shape=(3, 64, 64),
        )
    )
    assert batch.label[0].asnumpy().tolist() == [scene.things[0].digit for scene in drawn]


# The folder


def digests(folder):
    """A checksum for each file; of MATLAB's files without the date they carry."""
    return {
        str(path.relative_to(folder)): hashlib.sha1(
            path.read_bytes()[MAT_HEADER if path.suffix == ".mat" else 0 :]
        ).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("layout", list(datasets.LAYOUTS))
def test_the_seed_decides(folders, tmp_path, layout):
    first, again, other = (
        digests(folders[layout]),
        write(layout, tmp_path / "a"),
        write(layout, tmp_path / "b", 1),
    )
    assert digests(again) == first
    assert digests(other) != first


@pytest.mark.parametrize("layout", list(datasets.LAYOUTS))
def test_the_folder_says_what_it_is(folders, tmp_path, layout):
    assert datasets.layout_of(folders[layout]) == layout
    assert datasets.layout_of(tmp_path) is None and datasets.layout_of(tmp_path / "absent") is None


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(DOConvError, match="not empty"):
        write("cifar", tmp_path)
    with pytest.raises(DOConvError, match="is a file"):
        write("cifar", tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine").read_text() == "precious"


def test_an_empty_folder_and_new_parents_are_welcome(tmp_path):
    (tmp_path / "empty").mkdir()
    write("cifar", tmp_path / "empty")
    write("cifar", tmp_path / "new" / "cifar")
    assert datasets.layout_of(tmp_path / "empty") == datasets.layout_of(tmp_path / "new" / "cifar") == "cifar"


def test_the_folder_one_is_in_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DOConvError, match="the folder you are in"):
        write("cifar", ".")


def test_a_crash_leaves_nothing(tmp_path, monkeypatch):
    def crash(*_):
        raise RuntimeError("crash")

    monkeypatch.setattr(coco, "_annotation", crash)
    with pytest.raises(RuntimeError, match="crash"):
        write("coco", tmp_path / "coco")
    assert not list(tmp_path.iterdir())


def test_what_came_into_the_folder_meanwhile_stays(tmp_path, monkeypatch):
    target = tmp_path / "cifar"

    def intrude(folder, layout, plan):
        target.mkdir()
        (target / "mine").write_text("precious")

    monkeypatch.setattr(datasets, "mark", intrude)
    with pytest.raises(DOConvError, match="cannot be written"):
        write("cifar", target)
    assert [path.name for path in tmp_path.rglob("*")] == ["cifar", "mine"]


@pytest.mark.parametrize(
    ("layout", "arguments", "words"),
    [
        ("voc", {"images": 0}, "at least one"),
        ("voc", {"seed": -1}, "from 0 up"),
        ("voc", {"size": (31, 64)}, "no side below 32"),
        ("cifar", {"images": 4}, "at least 5"),
        ("cifar", {"size": (64, 64)}, "32x32"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, layout, arguments, words):
    with pytest.raises(DOConvError, match=words):
        datasets.write(layout, tmp_path / "data", **arguments)
    assert not list(tmp_path.iterdir())


# The command line


def call(*arguments, code=0):
    result = CliRunner().invoke(main, ["data", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_command_line(tmp_path):
    said = call("imagenet", tmp_path / "a b", "--images", 3, "--size", "40x56", "--seed", 5, "--rec")
    assert f"ln -sT '{tmp_path}/a b' ~/.mxnet/datasets/imagenet" in said
    made = json.loads((tmp_path / "a b" / "gluon_doconv-rehearsal.json").read_text())
    digits = list(range(10))
    assert made == {"layout": "imagenet", "images": 3, "size": [40, 56], "seed": 5, "digits": digits}
    assert (tmp_path / "a b" / "rec" / "train.rec").is_file()
    with open(tmp_path / "a b" / "rec" / "train.rec", "rb") as file:
        assert struct.unpack("<I", file.read(4)) == (0xCED7230A,)


@pytest.mark.parametrize("layout", list(datasets.LAYOUTS))
def test_command_line_has_every_layout(tmp_path, layout):
    call(layout, tmp_path / layout, "--images", 5)
    assert datasets.layout_of(tmp_path / layout) == layout
    assert "not empty" in call(layout, tmp_path / layout, code=1)


def test_command_line_refuses_what_is_not_a_size(tmp_path):
    assert "'12' is not of the form 240x320" in call("voc", tmp_path / "voc", "--size", "12", code=2)
