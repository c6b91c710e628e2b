# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Kinematics of a chain of joints that turn about their z axes."""

from libc.math cimport cos, sin

from introspect_control.kernels.arithmetic cimport MOST_JOINTS

MAX_JOINTS = MOST_JOINTS


cdef void append(Pose* pose, const double[:, ::1] transform) noexcept nogil:
    """Go on by a fixed transform (3, 4)."""
    cdef double x, y, z
    cdef int i, j
    for i in range(3):
        x, y, z = pose.rotation[i][0], pose.rotation[i][1], pose.rotation[i][2]
        pose.position[i] += x * transform[0, 3] + y * transform[1, 3] + z * transform[2, 3]
        for j in range(3):
            pose.rotation[i][j] = (
                x * transform[0, j] + y * transform[1, j] + z * transform[2, j]
            )


cdef void sweep(
    const double[::1] q, const double[:, :, ::1] transforms, Sweep* found
) noexcept nogil:
    """From base to tool: before each joint a fixed transform, then a turn about z; the tool's."""
    cdef int joints = <int>q.shape[0], i, j, k
    cdef double c, s, x, y
    cdef Pose* pose = &found.tool
    for i in range(3):
        pose.position[i] = 0.0
        for j in range(3):
            pose.rotation[i][j] = 1.0 if i == j else 0.0
    for k in range(joints):
        append(pose, transforms[k])
        c, s = cos(q[k]), sin(q[k])
        for i in range(3):
            x, y = pose.rotation[i][0], pose.rotation[i][1]
            pose.rotation[i][0] = x * c + y * s
            pose.rotation[i][1] = y * c - x * s
            found.axis[k][i] = pose.rotation[i][2]
            found.origin[k][i] = pose.position[i]
    append(pose, transforms[joints])


cdef inline void carry(const Sweep* found, int k, double* carried) noexcept nogil:
    """Velocity (3,) of the tool at a rate of 1 of joint k: its axis times the arm from it."""
    cdef double x = found.tool.position[0] - found.origin[k][0]
    cdef double y = found.tool.position[1] - found.origin[k][1]
    cdef double z = found.tool.position[2] - found.origin[k][2]
    carried[0] = found.axis[k][1] * z - found.axis[k][2] * y
    carried[1] = found.axis[k][2] * x - found.axis[k][0] * z
    carried[2] = found.axis[k][0] * y - found.axis[k][1] * x


cdef void tool_jacobian(const Sweep* found, int joints, double[:, ::1] J) noexcept nogil:
    """Geometric Jacobian (6, joints): linear over angular."""
    cdef double[3] carried
    cdef int i, k
    for k in range(joints):
        carry(found, k, carried)
        for i in range(3):
            J[i, k] = carried[i]
            J[3 + i, k] = found.axis[k][i]


cdef void write_pose(const Pose* pose, double[::1] position, double[:, ::1] rotation) noexcept nogil:
    cdef int i, j
    for i in range(3):
        position[i] = pose.position[i]
        for j in range(3):
            rotation[i, j] = pose.rotation[i][j]


def forward(
    const double[:, ::1] q,
    const double[:, :, ::1] transforms,
    double[:, ::1] position,
    double[:, :, ::1] rotation,
):
    """Pose of the tool."""
    cdef Sweep found
    cdef Py_ssize_t row
    with nogil:
        for row in range(q.shape[0]):
            sweep(q[row], transforms, &found)
            write_pose(&found.tool, position[row], rotation[row])


def jacobian(
    const double[:, ::1] q,
    const double[:, :, ::1] transforms,
    double[:, ::1] position,
    double[:, :, ::1] rotation,
    double[:, :, ::1] J,
):
    """Pose of the tool, and the Jacobian of its twist."""
    cdef Sweep found
    cdef Py_ssize_t row
    with nogil:
        for row in range(q.shape[0]):
            sweep(q[row], transforms, &found)
            write_pose(&found.tool, position[row], rotation[row])
            tool_jacobian(&found, <int>q.shape[1], J[row])


def motion(
    const double[:, ::1] q,
    const double[:, ::1] dq,
    const double[:, :, ::1] transforms,
    double[:, ::1] position,
    double[:, :, ::1] rotation,
    double[:, ::1] velocity,
):
    """Pose of the tool, and its linear velocity."""
    cdef Sweep found
    cdef double[3] carried
    cdef Py_ssize_t row
    cdef int i, k
    with nogil:
        for row in range(q.shape[0]):
            sweep(q[row], transforms, &found)
            write_pose(&found.tool, position[row], rotation[row])
            velocity[row, 0] = velocity[row, 1] = velocity[row, 2] = 0.0
            for k in range(<int>q.shape[1]):
                carry(&found, k, carried)
                for i in range(3):
                    velocity[row, i] += carried[i] * dq[row, k]
