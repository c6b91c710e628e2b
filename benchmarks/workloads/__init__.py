"""What the sides of the comparisons do: each module's ``prepare(**settings)`` makes the work."""
