"""How to get the packages that only parts of this one need."""

PLANNING = "pip install 'introspect_control[planning]' (or: make setup-dev)"
"""MuJoCo, OMPL and Ruckig."""
