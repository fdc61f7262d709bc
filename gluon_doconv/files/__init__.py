"""Parameter files and exported graphs: read, written, folded."""
