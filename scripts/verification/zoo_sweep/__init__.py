"""Give DO-Conv to every network of GluonCV's registry, and check what comes of it.

A network passes if

- it has a D for every distinct non-pointwise kernel of the stock network. Those are counted in the stock
  network's graph or, where it cannot be traced, as MXNet's convolution is called: with no code of gluon_doconv;
- every layer and every parameter is called what it was called;
- with the stock network's parameters it computes bitwise what the stock network computes;
- once D has moved, it computes something else;
- folded, it computes bitwise what it computed before, and so does a stock network that loads the folded file.

Outputs are those of inference, in float32 on the CPU, for a small random input. Nothing is downloaded:
parameters are random, and so are those made for networks that insist on a pretrained base. What keeps GluonCV
from running is worked around for both networks (``gluon_doconv.compat.workarounds``).

Each network is examined in a process of its own. What the records of an interrupted run know is not run again.
"""
