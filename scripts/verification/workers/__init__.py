"""Two workers, by ps-lite and by Horovod: what they end with, also when one of them is killed."""
