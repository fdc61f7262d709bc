"""DO-Conv in a checkout of GluonCV."""
