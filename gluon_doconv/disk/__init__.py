"""Files on a disk: written whole or not at all, undone where that was interrupted, and read with caution."""
