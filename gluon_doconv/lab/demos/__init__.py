"""Whole jobs on real data: train plain and with DO-Conv, fold, export, compare."""
