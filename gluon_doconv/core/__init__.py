"""What DO-Conv does: to arrays, to a layer, to a network."""
