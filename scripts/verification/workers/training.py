"""A data-parallel training as people write it, with no word of DO-Conv: by ps-lite or by Horovod.

Every epoch leaves the parameters, in a file named by rank and epoch. ``--die-in EPOCH`` kills the worker of
rank 1 in the middle of that epoch. Without momentum a resumed training is the one that was not interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
from typing import Any, Callable

import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model
from mxnet import autograd, gluon, nd

BATCH, BATCHES, SIZE = 4, 3, 16


def main() -> None:
    """Train a network of GluonCV's on data of the worker's own."""
    arguments = parse()
    trainer_of, rank = by_horovod() if arguments.kvstore == "horovod" else by_kvstore(arguments)
    mx.random.seed(rank)  # each starts from weights of its own, so that equal ends come from sharing
    network = get_model("cifar_resnet20_v1", classes=10)
    network.initialize(mx.init.Xavier())
    network(nd.zeros((1, 3, SIZE, SIZE)))
    if arguments.resume:
        network.load_parameters(f"{rank}-{arguments.resume - 1}.params")
    trainer = trainer_of(network.collect_params())
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    data = np.random.RandomState(rank).uniform(size=(BATCHES, BATCH, 3, SIZE, SIZE)).astype("float32")
    for epoch in range(arguments.resume, arguments.epochs):
        for number, batch in enumerate(data):
            if (epoch, number, rank) == (arguments.die_in, BATCHES // 2, 1):
                os.kill(os.getpid(), signal.SIGKILL)
            with autograd.record():
                error = loss(network(nd.array(batch)), nd.arange(BATCH))
            error.backward()
            trainer.step(BATCH)
        network.save_parameters(f"{rank}-{epoch}.params")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kvstore", default="dist_sync")
    parser.add_argument("--update-on-worker", action="store_true")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--resume", type=int, default=0, metavar="EPOCH")
    parser.add_argument("--die-in", type=int, metavar="EPOCH")
    return parser.parse_args()


OPTIMIZER = ("sgd", {"learning_rate": 0.05, "wd": 1e-4})


def by_kvstore(arguments: argparse.Namespace) -> tuple[Callable[[Any], gluon.Trainer], int]:
    """Return what makes a Trainer over ps-lite, and this worker's rank."""
    store = mx.kv.create(arguments.kvstore)
    on_kvstore = not arguments.update_on_worker

    def trainer(parameters: Any) -> gluon.Trainer:
        return gluon.Trainer(parameters, *OPTIMIZER, kvstore=store, update_on_kvstore=on_kvstore)

    return trainer, store.rank


def by_horovod() -> tuple[Callable[[Any], gluon.Trainer], int]:
    """Return what makes Horovod's Trainer, and this worker's rank."""
    import horovod.mxnet as hvd

    hvd.init()

    def trainer(parameters: Any) -> gluon.Trainer:
        hvd.broadcast_parameters(parameters, root_rank=0)
        return hvd.DistributedTrainer(parameters, *OPTIMIZER)

    return trainer, hvd.rank()


if __name__ == "__main__":
    main()
