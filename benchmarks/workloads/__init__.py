"""What the sides of the comparisons do: modules with ``prepare(**settings)``, or whole programs."""
