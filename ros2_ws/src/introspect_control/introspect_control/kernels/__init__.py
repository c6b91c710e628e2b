"""Inner loops of kinematics, limiter and servo, compiled: one arm after the other.

What an arm gets does not depend on how many are computed with it, to the last bit. Arrays are
C-contiguous float64, those that are written to come last. Nothing is checked here: whoever calls
sees to shapes and to finite numbers, and says what they mean (``kinematics.py``, ``limiter.py``,
``servo.py``).
"""
