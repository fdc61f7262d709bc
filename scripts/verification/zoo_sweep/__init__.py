"""Every network of GluonCV's zoo with DO-Conv. ``docs/results/zoo-sweep.md`` says what is compared."""
