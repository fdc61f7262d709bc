"""Somebody else's script, run unchanged."""
