"""Studies: many trainings side by side, each reproducing a published figure or table."""
