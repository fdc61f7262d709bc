"""Run GluonCV's own scripts, unchanged, with DO-Conv, and check what they leave behind."""
