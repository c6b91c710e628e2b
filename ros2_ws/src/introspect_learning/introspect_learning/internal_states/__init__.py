"""Internal states: what a robot's own activations say of how things stand."""
