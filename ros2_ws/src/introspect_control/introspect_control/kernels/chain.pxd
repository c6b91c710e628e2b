# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Kinematics for the other kernels."""

from introspect_control.kernels.arithmetic cimport MOST_JOINTS


cdef struct Pose:
    double[3] position
    double[3][3] rotation


cdef struct Sweep:
    Pose tool
    double[MOST_JOINTS][3] axis
    double[MOST_JOINTS][3] origin


cdef void sweep(
    const double[::1] q, const double[:, :, ::1] transforms, Sweep* found
) noexcept nogil
cdef void tool_jacobian(const Sweep* found, int joints, double[:, ::1] J) noexcept nogil
