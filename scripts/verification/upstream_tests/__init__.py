"""GluonCV's own tests, stock and under the patch, compared test by test."""
