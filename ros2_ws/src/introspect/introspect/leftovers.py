"""What killed nodes leave behind in shared memory, where Fast DDS does not always forgive it."""

CLEAN_UP = "rm /dev/shm/fast* /dev/shm/sem.fast*"
"""Removes it; to be run while no node of the machine does."""
