"""Side-by-side measurements: ours, and what others offer, in one run on one machine."""
