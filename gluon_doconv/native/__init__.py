"""Kernel composition as an operator of MXNet's own kind, compiled on the machine that runs it."""
