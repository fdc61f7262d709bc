"""Export a trained network with GluonCV's ``export_block``, to exported-symbol.json and exported-0000.params.

export_trained.py [--fold] NETWORK PARAMS HEIGHT WIDTH
"""

from __future__ import annotations

import argparse

import gluon_doconv as doconv
from gluon_doconv.zoo.build import build

import gluoncv


def main() -> None:
    """Build, load, perhaps fold, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fold", action="store_true")
    parser.add_argument("network")
    parser.add_argument("params")
    parser.add_argument("height", type=int)
    parser.add_argument("width", type=int)
    args = parser.parse_args()
    net = build(args.network)
    net.load_parameters(args.params, ignore_extra=True)
    if args.fold:
        doconv.fold(net)
    gluoncv.utils.export_block("exported", net, data_shape=(args.height, args.width, 3))


if __name__ == "__main__":
    main()
