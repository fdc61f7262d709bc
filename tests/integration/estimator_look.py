"""Load estimators, and write down what they hold and predict.

estimator_look.py classification|detection NAME...    writes NAME.stock for each NAME.pkl
Under the patch it writes NAME.doconv, then folds the estimator, as a person would, into NAME-by-hand.pkl.
"""

import pickle
import sys

import gluon_doconv as doconv
from gluon_doconv.compat.workarounds import apply_workarounds

import mxnet as mx
import numpy as np

if not doconv.is_patched():
    apply_workarounds()

from gluoncv.auto.estimators import FasterRCNNEstimator, ImageClassificationEstimator

KINDS = {"classification": (ImageClassificationEstimator, 28), "detection": (FasterRCNNEstimator, 96)}


def look(estimator, size):
    """Its network's outputs, its prediction, its arrays, and the shapes of parameters and their momenta."""
    mx.random.seed(0)
    outputs = estimator.net(mx.nd.random.uniform(shape=(1, 3, size, size)))
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    trainer = estimator.trainer
    updater = trainer._kvstore._updater if trainer._update_on_kvstore else trainer._updaters[0]
    return {
        "outputs": [output.asnumpy() for output in outputs],
        "prediction": estimator.predict(np.full((size, size, 3), 99, dtype="uint8")).to_json(),
        "arrays": {name: p.data().asnumpy() for name, p in estimator.net._collect_params_with_prefix().items()},
        "states": [(trainer._params[i].data().shape, state.shape) for i, state in updater.states.items()],
    }


if __name__ == "__main__":
    estimator_class, size = KINDS[sys.argv[1]]
    for name in sys.argv[2:]:
        try:
            estimator = estimator_class.load(f"{name}.pkl")
            found = look(estimator, size)
        except doconv.DOConvError as error:
            found = str(error)
        with open(f"{name}.{'doconv' if doconv.is_patched() else 'stock'}", "wb") as file:
            pickle.dump(found, file)
        if doconv.is_patched():
            doconv.fold(estimator.net)
            estimator.save(f"{name}-by-hand.pkl")
