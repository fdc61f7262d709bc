"""Checks too long for every day: GluonCV's own scripts and tests, and every network of its zoo."""
