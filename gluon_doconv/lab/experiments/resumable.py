"""Train one configuration with one seed; killed and started again it goes on and ends with the same numbers.

Nothing random is carried from one epoch to the next: what an epoch draws depends on the seed and the epoch, and
the learning rate on the step. So the parameters and the optimiser's states, saved after every epoch, are all
that going on needs. (On a GPU the numbers are the same only with MXNET_ENFORCE_DETERMINISM=1.)
"""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path
from typing import Callable, Iterator

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Trainer

from ...core.convert import over_parameterize_selected
from ...core.convolutions import find_convolutions
from ...disk.atomic import write_files
from ...errors import DOConvError
from ...files.checkpoint import match_to_network
from ...files.params import read_params, values_of
from ...files.params_format import content
from ...zoo.build import build
from .. import training
from ..configuration import Configuration, Recipe
from ..evaluation import default_context, evaluate, top_1
from ..images import Images, ShuffledBatches
from ..records import RECORD, Record
from ..tracking import Scores

VALIDATION_BATCH = 250
HE = mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2)  # arXiv 1502.01852


def train(
    record: Record,
    images: Images,
    folder: Path,
    on_step: Callable[[int, Scores], None] = lambda number, measured: None,
    on_epoch: Callable[[Record], None] = lambda record: None,
) -> Record:
    """Train what ``record`` describes from where it is to its end, saving it in ``folder`` after every epoch.

    ``on_step`` and ``on_epoch`` are those of :func:`gluon_doconv.lab.training.train`.

    Returns
    -------
    The finished record.

    Raises
    ------
    DOConvError
        If the state saved in ``folder`` is damaged.
    """
    net = _network(record.configuration, record.seed, images)
    learner = _learner(net, record, images)
    if record.epochs:
        _load(net, _state(folder, record, "params"))
        _load_momenta(net, learner.trainer, _state(folder, record, "momenta"))

    def save(record: Record) -> None:
        write_files(
            {
                _state(folder, record, "params"): content(values_of(net)),
                _state(folder, record, "momenta"): content(_momenta(net, learner.trainer)),
                folder / RECORD: record.content(),
            }
        )
        _remove_older_states(folder, record)
        on_epoch(record)

    return training.train(record, learner, on_step, save)


def _network(configuration: Configuration, seed: int, images: Images) -> HybridBlock:
    """Every variant starts from the weights that the baseline has for this seed."""
    mx.random.seed(seed)
    net = build(configuration.network, images.classes)
    net.initialize(HE, ctx=default_context())
    net(mx.nd.array(images.validation_batch(slice(1)), ctx=default_context()))
    if configuration.variant.config:
        over_parameterize_selected(net, find_convolutions(net), configuration.variant.config)
    net.hybridize()
    return net


def _learner(net: HybridBlock, record: Record, images: Images) -> training.Learner:
    recipe = record.configuration.recipe
    assert isinstance(recipe, Recipe)
    trainer = training.sgd(net.collect_params(), recipe)
    batches = ShuffledBatches(images, recipe.batch_size, _generators(record))
    validation = top_1(images.validation_batches(VALIDATION_BATCH), images.validation.labels)
    step = training.classifier_step(net, trainer)
    return training.Learner(trainer, batches, step, partial(evaluate, net, validation))


def _generators(record: Record) -> Iterator[np.random.RandomState]:
    """NumPy's for each epoch that lacks; MXNet's, which Dropout draws from, is seeded by it."""
    for number in count(len(record.epochs) + 1):
        random = np.random.RandomState([record.seed, number])
        mx.random.seed(int(random.randint(2**31)))
        yield random


def _state(folder: Path, record: Record, kind: str) -> Path:
    """States are named by their epoch; the record, which is written with them, says which epoch counts."""
    return folder / f"epoch{len(record.epochs):04d}.{kind}"


def _load(net: HybridBlock, path: Path) -> None:
    arrays = match_to_network(read_params(path), net, path)
    for name, parameter in net._collect_params_with_prefix().items():
        parameter.set_data(arrays[name])


def _momenta(net: HybridBlock, trainer: Trainer) -> dict[str, mx.nd.NDArray]:
    """What SGD remembers of each parameter: arrays, where MXNet's own states are a pickle."""
    (updater,) = trainer._updaters
    positions = _positions(net, trainer)
    return {name: updater.states[i] for name, i in positions.items() if updater.states.get(i) is not None}


def _load_momenta(net: HybridBlock, trainer: Trainer, path: Path) -> None:
    momenta, positions = read_params(path), _positions(net, trainer)
    for name, momentum in momenta.items():
        if name not in positions or trainer._params[positions[name]].shape != momentum.shape:
            raise DOConvError(
                f"{path} does not fit this training: {name}; remove {path.parent} to train it anew"
            )
    (updater,) = trainer._updaters
    updater.states = {positions[name]: momentum for name, momentum in momenta.items()}
    updater.states_synced = dict.fromkeys(updater.states, False)


def _positions(net: HybridBlock, trainer: Trainer) -> dict[str, int]:
    """Where the Trainer files each parameter, by its name in the network."""
    parameters = net._collect_params_with_prefix()
    return {name: trainer._param2idx[one.name] for name, one in parameters.items() if one.grad_req != "null"}


def _remove_older_states(folder: Path, record: Record) -> None:
    kept = {_state(folder, record, kind) for kind in ("params", "momenta")}
    for path in (*folder.glob("epoch*.params"), *folder.glob("epoch*.momenta")):
        if path not in kept:
            path.unlink()
