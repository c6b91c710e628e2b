# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What the kernels share."""

cdef enum:
    MOST_JOINTS = 16  # of an arm


cdef inline double smaller(double a, double b) noexcept nogil:
    return a if a < b else b


cdef inline double larger(double a, double b) noexcept nogil:
    return a if a > b else b


cdef inline double between(double low, double value, double high) noexcept nogil:
    return smaller(larger(value, low), high)
