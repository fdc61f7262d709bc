"""``python -m gluon_doconv.experiments.seeded SEED run …``: gluon-doconv, with all that is random seeded."""

from __future__ import annotations

import random
import sys

import mxnet as mx
import numpy as np

from ...__main__ import start

if __name__ == "__main__":
    seed = int(sys.argv.pop(1))
    random.seed(seed)
    np.random.seed(seed)
    mx.random.seed(seed)
    start()
