"""Networks by name: those of GluonCV's model zoo, and those of the paper that it lacks."""
