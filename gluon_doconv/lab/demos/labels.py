"""What the two networks of a demo are called, in tables, pictures and files."""

PLAIN, DO_CONV = LABELS = ("plain", "DO-Conv")
