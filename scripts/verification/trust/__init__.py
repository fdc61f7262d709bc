"""Can it be trusted? Kills, faults of the disk, and files that are not what they say."""
