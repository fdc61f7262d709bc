"""A program that knows nothing of gluon_doconv: predict with stock GluonCV, or with exported files alone."""

import sys

import numpy

sys.modules["gluon_doconv"] = None  # an attempt to import it fails
for name, value in {"bool": bool, "int": int, "float": float, "object": object, "str": str}.items():
    if name not in vars(numpy):  # what MXNet needs on today's NumPy
        setattr(numpy, name, value)

import mxnet as mx  # noqa: E402


def main(what, params, x, y):
    data = mx.nd.array(numpy.load(x))
    if what.endswith("-symbol.json"):
        net = mx.gluon.SymbolBlock.imports(what, ["data"], params)
    else:
        from gluoncv import model_zoo

        detection = {"pretrained_base": False} if what.startswith("ssd") else {}
        net = model_zoo.get_model(what, **detection)
        net.load_parameters(params)
    out = net(data)
    out = out if isinstance(out, (list, tuple)) else [out]
    numpy.savez(y, *(array.asnumpy() for array in out))


if __name__ == "__main__":
    main(*sys.argv[1:])
