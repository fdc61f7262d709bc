"""Export a trained network with GluonCV's ``export_block``, to exported-symbol.json and exported-0000.params.

export_trained.py NETWORK PARAMS HEIGHT WIDTH [--fold]
"""

from __future__ import annotations

import sys

import gluon_doconv as doconv
from gluon_doconv.zoo.build import build

import gluoncv

if __name__ == "__main__":
    network, params, height, width, *fold = sys.argv[1:]
    net = build(network)
    net.load_parameters(params, ignore_extra=True)
    if fold:
        doconv.fold(net)
    gluoncv.utils.export_block("exported", net, data_shape=(int(height), int(width), 3))
