"""What runs have left in their folders, as one HTML page that needs no other file."""
