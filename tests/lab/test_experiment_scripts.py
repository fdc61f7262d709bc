"""Trainings by GluonCV's scripts: how they are called, and what is read of what they leave."""

import re
from dataclasses import replace

import gluon_doconv as doconv
from gluon_doconv.lab import records
from gluon_doconv.lab.configuration import DOCONV, RANDOM, Configuration, in_stages
from gluon_doconv.lab.experiments import imagenet, two_stages
from gluon_doconv.lab.experiments.script_adapters import (
    SCRIPT_ADAPTERS,
    Classification,
    Detection,
    Segmentation,
)
from gluon_doconv.lab.experiments.scripts import ScriptTraining, Sources, train_by_script
from gluon_doconv.lab.records import Record

import mxnet as mx
import pytest

SCRIPT = """
import argparse, logging, os, sys
import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model

parser = argparse.ArgumentParser()
for option in ("model", "mode", "lr", "lr-mode", "data-dir", "save-dir", "resume-params", "resume-states"):
    parser.add_argument(f"--{option}", default="")
for option in ("batch-size", "num-epochs", "num-gpus", "save-frequency", "resume-epoch", "warmup-epochs"):
    parser.add_argument(f"--{option}", type=int, default=0)
parser.add_argument("-j", type=int)
opt = parser.parse_args()
assert os.listdir(opt.data_dir) == ["train"]
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
net = get_model(opt.model, classes=3)
if opt.resume_params:
    net.load_parameters(opt.resume_params)
else:
    net.initialize(mx.init.Xavier())
x, y = mx.nd.random.normal(shape=(4, 3, 32, 32)), mx.nd.array([0, 1, 2, 0])
trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
net(x)
if opt.resume_states:
    trainer.load_states(opt.resume_states)
os.makedirs(opt.save_dir, exist_ok=True)
for epoch in range(opt.resume_epoch, opt.num_epochs):
    with mx.autograd.record():
        loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(net(x), y).mean()
    loss.backward()
    trainer.step(1)
    logging.info("[Epoch %d] training: accuracy=%f", epoch, 0.5 + epoch / 10)
    logging.info("[Epoch %d] speed: 10 samples/sec\ttime cost: %f", epoch, 2.5)
    logging.info("[Epoch %d] validation: err-top1=%f err-top5=%f", epoch, 0.4 - epoch / 10, 0.1)
    net.save_parameters(f"{opt.save_dir}/0.6-imagenet-{opt.model}-{epoch}-best.params")
    if os.path.exists("die") and epoch == 1:
        os._exit(9)
    for kind, save in (("params", net.save_parameters), ("states", trainer.save_states)):
        save(f"{opt.save_dir}/imagenet-{opt.model}-{epoch}.{kind}")
"""


@pytest.fixture
def checkout(tmp_path):
    path = tmp_path / "checkout" / Classification.path
    path.parent.mkdir(parents=True)
    path.write_text(SCRIPT)
    (tmp_path / "data" / "imagenet" / "train").mkdir(parents=True)
    return tmp_path / "checkout"


def by_script(checkout, variant):
    command = replace(imagenet.RESNET, epochs=3)
    configuration = Configuration("imagenet", "cifar_resnet20_v1", variant, command)
    folder = checkout.parent / variant.name
    folder.mkdir(exist_ok=True)
    sources = Sources(checkout.parent / "data", checkout)

    def run():
        record = records.open_record(configuration, 7, folder)
        return train_by_script(ScriptTraining.of(record, folder, sources))

    return folder, run


def test_a_script_is_run_and_read(checkout):
    folder, run = by_script(checkout, in_stages(1))
    record = run()
    assert [epoch.validation_accuracy for epoch in record.epochs] == pytest.approx([0.6, 0.7, 0.8])
    assert [epoch.accuracy for epoch in record.epochs] == pytest.approx([0.5, 0.6, 0.7])
    assert {(epoch.loss, epoch.seconds) for epoch in record.epochs} == {(None, 2.5)}
    assert records.open_record(record.configuration, 7, folder) == record
    assert Record.from_json(record.to_json()) == record
    saved = mx.nd.load(str(folder / "params" / "imagenet-cifar_resnet20_v1-2.params"))
    assert sum(name.endswith(".D") for name in saved) == 6
    left = sorted(path.name for path in (folder / "params").iterdir())
    stem = "imagenet-cifar_resnet20_v1"
    assert left == [f"{stem}-{epoch}.{kind}" for epoch in (1, 2) for kind in ("params", "states")]


def test_a_script_that_died_goes_on_from_what_it_had_saved(checkout):
    """It had said what came of its second epoch, and not saved it."""
    folder, run = by_script(checkout, DOCONV)
    (folder / "die").touch()
    with pytest.raises(doconv.DOConvError, match=r"ended with 9; .*script\.log ends:"):
        run()
    assert len(Record.from_json((folder / "record.json").read_text()).epochs) == 1
    (folder / "die").unlink()
    assert len(run().epochs) == 3
    log = (folder / "script.log").read_text()
    assert [log.count(f"[Epoch {epoch}] validation") for epoch in range(3)] == [1, 2, 1]


def of(record, folder, data, checkout):
    return ScriptTraining.of(record, folder, Sources(data, checkout))


def test_what_a_script_needs_is_asked_for(checkout, tmp_path):
    record = Record(imagenet.on_imagenet("resnet18_v1"), 0, {})
    with pytest.raises(doconv.DOConvError, match="is no checkout of GluonCV: it has no scripts/class"):
        of(record, tmp_path, tmp_path / "data", tmp_path)
    with pytest.raises(doconv.DOConvError, match=r"has neither rec/train\.rec nor a folder train"):
        of(record, tmp_path, tmp_path, checkout).command_line(record)
    with pytest.raises(doconv.DOConvError, match="give a checkout of GluonCV with --gluoncv"):
        of(record, tmp_path, tmp_path, None)


def test_commands_are_gluoncvs(checkout, tmp_path):
    """The words of GluonCV's command for MobileNetV3, the batches of its eight GPUs together."""
    (tmp_path / "data" / "imagenet" / "rec").mkdir()
    (tmp_path / "data" / "imagenet" / "rec" / "train.rec").touch()
    record = Record(replace(imagenet.on_imagenet("mobilenetv3_large"), variant=RANDOM), 3, {})
    said = " ".join(of(record, tmp_path, tmp_path / "data", checkout).command_line(record))
    published = (
        "--model mobilenetv3_large --mode hybrid --wd 0.00003 --lr 2.6 --lr-mode cosine --num-epochs 360 "
        "--warmup-epochs 5 --dtype float16 --no-wd --last-gamma --use-rec --label-smoothing"
    )
    for option in re.findall(r"--\S+(?: [^-]\S*)?", published):
        assert option in said
    assert "--batch-size 2048" in said and "run --seed 3 --d-initializer he" in said
    assert f"--rec-val-idx {tmp_path}/data/imagenet/rec/val.idx" in said
    baseline = Record(imagenet.on_imagenet("resnet18_v1"), 3, {})
    assert "run --seed 3 --off" in " ".join(
        of(baseline, tmp_path, tmp_path / "data", checkout).command_line(baseline)
    )


def saved_as(tmp_path, name):
    (tmp_path / "params").mkdir(exist_ok=True)
    mx.nd.save(str(tmp_path / "params" / name), {"x": mx.nd.zeros(3)})
    return tmp_path / "params" / name


def test_what_segmentation_leaves_of_an_epoch(tmp_path):
    adapter, configuration = SCRIPT_ADAPTERS[Segmentation.path], two_stages.table4().configurations()[1]
    path = saved_as(tmp_path, "epoch_0003_mIoU_0.7871.params")
    saved_as(tmp_path, "epoch_0013_mIoU_0.1000.params")
    saved = adapter.saved(tmp_path, configuration, 3)
    assert saved == [path] and adapter.saved(tmp_path, configuration, 1) == []
    log = "Epoch 3, training loss 0.731:  99%\rEpoch 3, training loss 0.725: 100%\nEpoch 13, training loss 0.1"
    epoch = adapter.epoch(log, saved, 3)
    assert (epoch.validation_accuracy, epoch.loss) == (0.7871, 0.725)
    assert adapter.epoch("", saved, 3).loss is None
    path.write_bytes(path.read_bytes()[:-5])  # cut short by a kill
    assert adapter.saved(tmp_path, configuration, 3) == []


LOSSES = "RPN_Conf=0.25,RPN_SmoothL1=0.125,RCNN_CrossEntropy=1.5,RCNN_SmoothL1=0.0625"
SUMMARY = f"""[Epoch {{}}] Training cost: 12.5, {LOSSES}
[Epoch {{}}] Validation:
~~~~ Summary metrics ~~~~
=Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = {{}}
 Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.595
 Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 0.412
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.214
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.000
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.496
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.100
person=40.0
"""


def test_what_detection_leaves_of_an_epoch(tmp_path):
    adapter, configuration = SCRIPT_ADAPTERS[Detection.path], two_stages.table5().configurations()[1]
    log = SUMMARY.format(1, 1, 0.2) + SUMMARY.format(2, 2, 0.379) + SUMMARY.format(1, 1, 0.3)
    assert adapter.epoch(log, adapter.saved(tmp_path, configuration, 2), 2) is None  # not saved yet
    saved_as(tmp_path, "faster_rcnn_fpn_resnet50_v1b_coco_0002_0.3790.params")
    saved = adapter.saved(tmp_path, configuration, 2)
    epoch = adapter.epoch(log, saved, 2)
    expected = {"AP": 0.379, "AP50": 0.595, "AP75": 0.412, "APS": 0.214, "APL": 0.496}
    assert (epoch.metrics, epoch.validation_accuracy, epoch.seconds) == (expected, 0.379, 12.5)
    assert epoch.loss == 0.25 + 0.125 + 1.5 + 0.0625
    diverged = log.replace("RPN_Conf=0.25", "RPN_Conf=nan")
    assert adapter.epoch(diverged, saved, 2).loss is None
    assert adapter.epoch(log, saved, 1).validation_accuracy == 0.3  # the last that was said
    assert adapter.epoch(log, saved, 0) is None
