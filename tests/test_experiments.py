"""The protocol: what is trained, that it can be killed at any moment, and what is said about it."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import product

import gluon_doconv as doconv
from gluon_doconv.cli import main
from gluon_doconv.experiments import (
    catalogue,
    cifar,
    imagenet,
    images,
    records,
    reproduce,
    tables,
    training,
)
from gluon_doconv.experiments.configuration import (
    BASELINE,
    DOCONV,
    RANDOM,
    Configuration,
    Recipe,
    in_stages,
    with_d_mul,
)
from gluon_doconv.experiments.dialects import DIALECTS, Classification, Detection, Segmentation
from gluon_doconv.experiments.records import Epoch, Record
from gluon_doconv.experiments.scripts import ScriptTraining, Sources, train_by_script

import mxnet as mx
import numpy as np
import pytest
from click.testing import CliRunner
from mxnet.gluon import nn

RECIPE = Recipe(epochs=3, batch_size=16)
TINY = Configuration("digits-40-20", "tiny", DOCONV, RECIPE)


def tiny(_, classes):
    """With Dropout: what it draws has to be the same after a training was killed."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(4, 3, strides=2), nn.BatchNorm(), nn.Activation("relu"), nn.Dropout(0.5), nn.Dense(classes)
    )
    return net


@pytest.fixture
def tiny_network(monkeypatch):
    monkeypatch.setattr(training, "build", tiny)


def trained(folder, configuration=TINY, seed=3):
    folder.mkdir(parents=True, exist_ok=True)
    record = records.open_record(configuration, seed, folder)
    return training.train(record, images.load(configuration.data, None), folder)


def without_seconds(record):
    return replace(record, epochs=tuple(replace(epoch, seconds=0.0) for epoch in record.epochs))


def files(folder):
    """What a training leaves, but for how long it took."""
    content = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".params"}
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".params", ".states"]
    return content, without_seconds(Record.from_json((folder / "record.json").read_text()))


class Killed(BaseException):
    pass


def kill_at(monkeypatch, owner, name, call):
    """Let the process end as the ``call``-th call of ``owner.name`` begins."""
    original, calls = getattr(owner, name), []

    def method(*args, **kwargs):
        calls.append(name)
        if len(calls) == call:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, method)


@pytest.mark.parametrize(
    "owner, name, call",
    [
        (training, "_epoch", 2),
        (training, "_step", 5),
        (mx.gluon.Block, "save_parameters", 2),
        (mx.gluon.Trainer, "save_states", 2),
        (Record, "save", 2),
        (training, "_remove_older_states", 2),
    ],
)
def test_killed_and_gone_on_with_is_bitwise_the_same(tiny_network, tmp_path, owner, name, call):
    trained(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, owner, name, call)
        trained(tmp_path / "killed")
    assert not Record.from_json((tmp_path / "killed" / "record.json").read_text()).finished
    trained(tmp_path / "killed")
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_another_seed_is_another_training(tiny_network, tmp_path):
    assert without_seconds(trained(tmp_path / "a", seed=1)).epochs != trained(tmp_path / "b", seed=2).epochs


@pytest.mark.parametrize("network", ["cifar_plain20_v1", "cifar_resnet20_v2"])
def test_every_variant_starts_from_the_weights_of_the_baseline(network):
    data = images.load("digits-20-10", None)
    x = mx.nd.array(data.validation_batch(slice(4)))
    start = None
    for variant in (BASELINE, DOCONV, with_d_mul(25), in_stages(0, 2), RANDOM):
        net = training._network(Configuration("digits-20-10", network, variant, RECIPE), 5, data)
        outputs = net(x).asnumpy()
        ds = [name for name in net.collect_params() if name.endswith("_D")]
        start = outputs if start is None else start
        assert bool(ds) == variant.doconv
        if variant is RANDOM:  # D is random, and so is what the network computes
            assert np.abs(outputs - start).max() > 1e-3
        else:
            np.testing.assert_array_equal(outputs, start)
    assert len([s for s in ds if "stage" in s]) == 18


def test_it_is_sgd_with_momentum_and_decay(tiny_network):
    """Two steps of the trainer against SGD written out in float64."""
    recipe = Recipe(epochs=1, batch_size=8, learning_rate=0.05)
    data = images.load("digits-20-10", None)
    net = training._network(replace(TINY, recipe=recipe), 0, data)
    trainer = training._trainer(net, recipe)
    weight = net[0].weight
    expected, momentum = weight.data().asnumpy().astype("float64"), 0.0
    for step in range(2):
        chosen = np.arange(8)
        training._step(net, trainer, data.batch(chosen, None), data.train.labels[chosen])
        gradient = weight.grad().asnumpy().astype("float64") / 8 + recipe.weight_decay * expected
        momentum = recipe.momentum * momentum - recipe.learning_rate * gradient
        expected = expected + momentum
        np.testing.assert_allclose(weight.data().asnumpy(), expected, rtol=1e-4, atol=1e-6, err_msg=str(step))


def test_learning_rates_of_he_et_al():
    """64,000 steps or so; a tenth after half of them and after three quarters; 400 small steps to warm up."""
    steps = 391 * cifar.CIFAR.epochs
    assert abs(steps - 64000) < 391
    at = {0: 0.1, 31500: 0.1, 32500: 0.01, 47500: 0.01, 48500: 0.001, steps - 1: 0.001}
    for step, rate in at.items():
        assert cifar.CIFAR.rate(step, steps) == pytest.approx(rate)
    assert [cifar.WARM.rate(step, steps) for step in (0, 399, 400)] == pytest.approx([0.01, 0.01, 0.1])


# Data


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


# Records


def test_a_training_of_other_settings_is_not_gone_on_with(tiny_network, tmp_path):
    trained(tmp_path)
    other = replace(TINY, recipe=replace(RECIPE, learning_rate=0.2))
    with pytest.raises(doconv.DOConvError, match="is a training of other settings"):
        records.open_record(other, 3, tmp_path)
    with pytest.raises(doconv.DOConvError, match="is a training of other settings"):
        records.open_record(TINY, 4, tmp_path)


def test_a_training_begun_with_other_versions_is_not_gone_on_with(tmp_path, monkeypatch):
    begun = Record(TINY, 0, {**records.versions(), "mxnet": "0"}, (Epoch(1, 0.5, 0.5, 1),))
    begun.save(tmp_path)
    with pytest.raises(doconv.DOConvError, match="was begun on"):
        records.open_record(TINY, 0, tmp_path)
    replace(begun, epochs=begun.epochs * RECIPE.epochs).save(tmp_path)
    assert records.open_record(TINY, 0, tmp_path).finished


def test_a_training_begun_before_a_version_was_recorded_is_gone_on_with(tmp_path):
    known = {name: version for name, version in records.versions().items() if name != "gluoncv"}
    begun = Record(TINY, 0, known, (Epoch(1, 0.5, 0.5, 1),))
    begun.save(tmp_path)
    assert records.open_record(TINY, 0, tmp_path) == begun


def test_damaged_records_are_named(tmp_path):
    (tmp_path / "record.json").write_text('{"seed": 1')
    with pytest.raises(doconv.DOConvError, match=r"record\.json is damaged"):
        records.open_record(TINY, 0, tmp_path)
    (tmp_path / "results.jsonl").write_text(Record(TINY, 0, {}).to_json() + "\n{}\n")
    with pytest.raises(doconv.DOConvError, match=r"results\.jsonl, line 2, is no record"):
        records.read_results(tmp_path / "results.jsonl")


# Tables


def configurations(name):
    return catalogue.TABLES[name]().configurations()


@pytest.mark.parametrize("name", catalogue.TABLES)
def test_replacement_is_the_only_difference(name):
    """Within a table every variant of a network has the settings of its baseline, and has a baseline."""
    found = configurations(name)
    for one in found:
        backbone = one.backbone and replace(one.backbone, variant=BASELINE)
        assert replace(one, variant=BASELINE, backbone=backbone) in found
        assert one.variant is BASELINE or one.variant.doconv


def test_table_1_is_the_papers():
    table = cifar.table1()
    assert [len(row.cells) for row in table.rows] == [9] * 4 and len(configurations("table1")) == 36
    printed = [[cell.paper for cell in row.cells] for row in table.rows]
    assert printed == [  # Table 1, read off the paper
        [90.88, 92.03, 93.47, 94.00, 94.65, 91.83, 93.26, 93.72, 94.69],
        [0.37, 0.25, 0.05, -0.05, -0.06, 0.39, 0.12, 0.21, -0.07],
        [66.01, 67.37, 70.65, 72.58, 75.43, 67.14, 70.15, 72.00, 75.32],
        [0.27, 0.31, 0.25, 0.01, 0.03, 0.54, 0.63, 0.22, 0.07],
    ]


def test_tables_2_and_3_are_the_papers():
    printed = {
        name: [[cell.paper for cell in row.cells] for row in catalogue.TABLES[name]().rows]
        for name in ("table2", "table3")
    }
    assert printed["table2"] == [  # read off the paper
        [
            *(None, 70.93, 74.37, 77.36, 78.34, 79.22, 70.94, 74.65, 77.67, 79.20, 79.69),
            *(71.00, 74.40, 77.17, 78.53, 79.21),
        ],
        [
            *(69.97, 70.87, 74.49, 77.32, 78.16, 79.34, 71.08, 74.35, 77.56, 79.14, 79.60),
            *(70.80, 74.76, 77.17, 78.56, 79.24),
        ],
        [1.01, 0.82, 0.49, 0.08, 0.46, 0.07, 0.71, 0.77, 0.44, 0.25, 0.1, 0.64, 0.22, 0.31, 0.11, 0.14],
    ]
    assert printed["table3"] == [
        [73.28, 72.04, 75.32, 79.32],
        [73.30, 71.89, 75.16, 79.21],
        [0.03, 0.16, 0.14, 0.40],
    ]
    text = reproduce.markdown(imagenet.table3(), [])
    assert text.count("| Reference (GluonCV)") == 1  # there is nothing of ours in that row


def test_variants_of_the_ablations():
    by_network = {}
    for one in configurations("table6"):
        by_network.setdefault(one.network, set()).add((one.variant.doconv, one.variant.stages))
    some = {(0,), (1,), (2,), (3,), (0, 1), (0, 1, 2)}
    everywhere = {(False, None), (True, None)}
    assert by_network["cifar_resnet20_v2"] == everywhere | {(True, stages) for stages in some}
    more = some | {(4,), (0, 1, 2, 3)}
    assert by_network["resnet50_v1b"] == everywhere | {(True, stages) for stages in more}
    assert [c.variant.d_mul for c in configurations("table8")] == [None, None, 5 * 5, 6 * 6]
    assert [c.variant.d_initializer for c in configurations("table7")][1:] == ["he", "identity"]
    asked = {c.variant.name for c in configurations("digits")}
    assert {"doconv", "doconv-he", "doconv-dmul25", "doconv-dmul36", "doconv-stages012"} < asked


@pytest.mark.parametrize("name", catalogue.TABLES)
def test_a_smoke_run_says_so_everywhere(name):
    table = catalogue.smoke(catalogue.TABLES[name]())
    for one in table.configurations():
        in_small = one.recipe.epochs == 1 and one.recipe.batch_size <= 8
        assert in_small if name in ("table4", "table5") else one.recipe == catalogue.SMOKE
    text = reproduce.markdown(table, [])
    assert "SMOKE RUN" in text and "mean nothing" in text
    assert "SMOKE RUN" in reproduce.comma_separated(table, [])


def call(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "gluon_doconv", "reproduce", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def results(folder):
    return [without_seconds(record) for record in records.read_results(folder / "results.jsonl")]


def test_the_command_killed_and_started_again(tmp_path):
    """A process that is killed outright, once its first epoch is done; the next ends with the same numbers."""
    log = []
    plain = reproduce.only(catalogue.smoke(cifar.table1()), "Plain")
    reproduce.reproduce(plain, tmp_path / "whole", [0], Sources(), log.append)
    arguments = ("table1", "--smoke", "--columns", "Plain", "--seeds", 1, "--output")
    killed = call(*arguments, tmp_path / "killed")
    for line in killed.stderr:
        if "epoch 1/2" in line:
            break
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed" / "results.jsonl").exists()
    again = call(*arguments, tmp_path / "killed")
    said, log_again = again.communicate()
    assert again.returncode == 0 and "goes on after epoch 1" in log_again
    assert results(tmp_path / "killed") == results(tmp_path / "whole") and len(results(tmp_path / "whole")) == 2
    table = (tmp_path / "whole" / "table1.md").read_text()
    assert table in said and (tmp_path / "killed" / "table1.md").read_text() == table
    assert (
        "SMOKE RUN" in log[0]
        and "SMOKE RUN" in log_again
        and re.search(r"CIFAR-10 DO-Conv +\| paper +\| \+0\.37", table)
    )
    assert re.search(r"CIFAR-10 DO-Conv +\| ours +\| [+-]\d+\.\d\d \(n=1: no standard error\)", table)
    line = json.loads((tmp_path / "whole" / "results.jsonl").read_text().splitlines()[0])
    assert set(line) == {"configuration", "seed", "versions", "epochs"} and len(line["epochs"]) == 2
    assert (tmp_path / "whole" / "table1-curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_training_that_another_process_is_at_is_left_to_it(tiny_network, tmp_path):
    table = tables.Table("t", "", ("c",), (tables.Row("r", (tables.Cell(None, TINY),)),))
    folder = tmp_path / "trainings" / TINY.name(0)
    folder.mkdir(parents=True)
    said = []
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = reproduce.reproduce(table, tmp_path, [0], Sources(), said.append)
    assert "another process is at it" in said[0] and "not yet" in text
    reproduce.reproduce(table, tmp_path, [0], Sources(), said.append)
    assert "finished before" not in said[-1] and len(results(tmp_path)) == 1
    reproduce.reproduce(table, tmp_path, [0], Sources(), said.append)
    assert "finished before" in said[-1]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["table99"], "there is no 'table99'; there are table1, table2"),
        (["table1", "--columns", "VGG"], "no column of table1 matches 'VGG'; there are Plain-20"),
        (["table8", "--output", "{}/o"], "cifar100 is needed: give the folder"),
        (["table7", "--output", "{}/o"], "give a checkout of GluonCV with --gluoncv"),
    ],
)
def test_mistakes_are_explained(tmp_path, arguments, message):
    given = [argument.format(tmp_path) for argument in arguments]
    result = CliRunner().invoke(main, ["reproduce", *given])
    assert result.exit_code == 1 and message in result.output


# Scripts of GluonCV's

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
    assert "--batch-size 2048" in said and "run --d-initializer he" in said and ".seeded 3 " in said
    assert f"--rec-val-idx {tmp_path}/data/imagenet/rec/val.idx" in said
    baseline = Record(imagenet.on_imagenet("resnet18_v1"), 3, {})
    assert "run --off" in " ".join(of(baseline, tmp_path, tmp_path / "data", checkout).command_line(baseline))


def test_tables_4_and_5_are_the_papers():
    printed = {
        name: [[cell.paper for cell in row.cells] for row in catalogue.TABLES[name]().rows]
        for name in ("table4", "table5")
    }
    assert printed["table4"] == [[88.59, 78.71], [0.25, 1.45], [0.05, 0.82]]
    assert printed["table5"] == [
        [37.9, 59.5, 41.2, 21.4, 41.4, 49.6],
        [0.0, 0.4, -0.2, 0.7, 0.6, -1.0],
        [0.3, 0.4, 0.3, 1.0, 0.3, 0.0],
    ]
    stages = [(c.backbone.variant.name, c.variant.name) for c in configurations("table5") if c.backbone]
    assert stages == [("baseline", "baseline"), ("baseline", "doconv"), ("doconv", "doconv")]


@pytest.mark.parametrize("name", ["table4", "table5"])
def test_a_backbone_comes_before_what_starts_from_it(name):
    found = configurations(name)
    for one in (c for c in found if c.backbone):
        assert found.index(one.backbone) < found.index(one)
        assert Record.from_json(Record(one, 0, {}).to_json()).configuration == one
    assert len({one.name(0) for one in found}) == len(found)


def saved_as(tmp_path, name):
    (tmp_path / "params").mkdir(exist_ok=True)
    mx.nd.save(str(tmp_path / "params" / name), {"x": mx.nd.zeros(3)})
    return tmp_path / "params" / name


def test_what_segmentation_leaves_of_an_epoch(tmp_path):
    dialect, configuration = DIALECTS[Segmentation.path], configurations("table4")[1]
    path = saved_as(tmp_path, "epoch_0003_mIoU_0.7871.params")
    saved_as(tmp_path, "epoch_0013_mIoU_0.1000.params")
    saved = dialect.saved(tmp_path, configuration, 3)
    assert saved == [path] and dialect.saved(tmp_path, configuration, 1) == []
    assert dialect.epoch("", saved, 3).validation_accuracy == 0.7871
    path.write_bytes(path.read_bytes()[:-5])  # cut short by a kill
    assert dialect.saved(tmp_path, configuration, 3) == []


SUMMARY = """[Epoch {}] Training cost: 12.5, loss=1
[Epoch {}] Validation:
~~~~ Summary metrics ~~~~
=Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = {}
 Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.595
 Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 0.412
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.214
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.000
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.496
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.100
person=40.0
"""


def test_what_detection_leaves_of_an_epoch(tmp_path):
    dialect, configuration = DIALECTS[Detection.path], configurations("table5")[1]
    log = SUMMARY.format(1, 1, 0.2) + SUMMARY.format(2, 2, 0.379) + SUMMARY.format(1, 1, 0.3)
    assert dialect.epoch(log, dialect.saved(tmp_path, configuration, 2), 2) is None  # not saved yet
    saved_as(tmp_path, "faster_rcnn_fpn_resnet50_v1b_coco_0002_0.3790.params")
    saved = dialect.saved(tmp_path, configuration, 2)
    epoch = dialect.epoch(log, saved, 2)
    expected = {"AP": 0.379, "AP50": 0.595, "AP75": 0.412, "APS": 0.214, "APL": 0.496}
    assert (epoch.metrics, epoch.validation_accuracy, epoch.seconds) == (expected, 0.379, 12.5)
    assert dialect.epoch(log, saved, 1).validation_accuracy == 0.3  # the last that was said
    assert dialect.epoch(log, saved, 0) is None
