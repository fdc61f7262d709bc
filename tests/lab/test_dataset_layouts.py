"""Every layout is read back with the class GluonCV's scripts read it with, and compared with what was drawn."""

import json

from gluon_doconv.lab import datasets
from gluon_doconv.lab.datasets import cityscapes, coco, voc

import gluoncv.data as gcv
import mxnet as mx
import numpy as np
import pytest
from layouts import IMAGES, plan, write
from mxnet.gluon.data.vision import CIFAR10, ImageRecordDataset
from mxnet.gluon.data.vision import datasets as mxnet_datasets
from PIL import Image
from pycocotools.coco import COCO


def nearly(image, scene):
    """JPEG keeps the picture, not the pixels."""
    image = image.asnumpy() if isinstance(image, mx.nd.NDArray) else image
    assert image.shape == scene.image.shape
    return np.abs(image.astype(float) - scene.image).mean() < 6


def inclusive(box):
    left, top, right, bottom = box
    return [left, top, right - 1, bottom - 1]


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
