# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Joint velocities of tool twists, by damped least squares."""

from libc.math cimport cos, fabs, sin, sqrt

from introspect_control.kernels.arithmetic cimport MOST_JOINTS, larger, smaller
from introspect_control.kernels.chain cimport Sweep, sweep, tool_jacobian

cdef enum:
    TWIST = 6


cdef void solve(double[TWIST][TWIST] N, double[TWIST] y) noexcept nogil:
    """Solve N x = y in place by Cholesky's method; N is symmetric and positive."""
    cdef int i, j, k
    for j in range(TWIST):
        for k in range(j):
            N[j][j] -= N[j][k] * N[j][k]
        N[j][j] = sqrt(N[j][j])
        for i in range(j + 1, TWIST):
            for k in range(j):
                N[i][j] -= N[i][k] * N[j][k]
            N[i][j] /= N[j][j]
    for i in range(TWIST):
        for k in range(i):
            y[i] -= N[i][k] * y[k]
        y[i] /= N[i][i]
    for i in range(TWIST - 1, -1, -1):
        for k in range(i + 1, TWIST):
            y[i] -= N[k][i] * y[k]
        y[i] /= N[i][i]


cdef inline double approach(double room, double gain, double braking) noexcept nogil:
    """Speed towards a face of the workspace with this much room; negative beyond it."""
    return smaller(gain * room, sqrt(2.0 * braking * larger(room, 0.0)))


def resolve_twist(
    const double[:, ::1] linear,
    const double[:, ::1] angular,
    const double[:, :, ::1] reference,
    const double[:, ::1] q,
    const double[:, ::1] v,
    const double[:, :, ::1] transforms,
    const double[::1] home,
    const double[::1] joint_speed,
    const double[::1] lower,
    const double[::1] upper,
    double damping,
    double orientation_gain,
    double posture_gain,
    double workspace_gain,
    double workspace_lookahead,
    double workspace_braking,
    double[:, :, ::1] J,
    double[:, ::1] joint_velocity,
):
    """Joint velocities of tool twists; J (n, 6, joints) is working space."""
    cdef Sweep found
    cdef double[TWIST] twist
    cdef double[TWIST][TWIST] normal
    cdef double[MOST_JOINTS] posture
    cdef double total, soon, excess
    cdef double[3][3] seen
    cdef int joints = <int>q.shape[1], i, j, k
    cdef Py_ssize_t row
    with nogil:
        for row in range(q.shape[0]):
            sweep(q[row], transforms, &found)
            tool_jacobian(&found, joints, J[row])
            for k in range(joints):
                posture[k] = posture_gain * (home[k] - q[row, k])
            for i in range(3):
                # The twist acts from now on, but the arm is already on its way.
                total = 0.0
                for k in range(joints):
                    total += J[row, i, k] * v[row, k]
                soon = found.tool.position[i] + workspace_lookahead * total
                twist[i] = larger(
                    linear[row, i], -approach(soon - lower[i], workspace_gain, workspace_braking)
                )
                twist[i] = smaller(
                    twist[i], approach(upper[i] - soon, workspace_gain, workspace_braking)
                )
                for j in range(3):  # the reference seen from the tool
                    total = 0.0
                    for k in range(3):
                        total += reference[row, i, k] * found.tool.rotation[j][k]
                    seen[i][j] = total
            # Rotation vector from tool to reference, exact to first order: ½ vee(W Aᵀ - A Wᵀ).
            twist[3] = 0.5 * orientation_gain * (seen[2][1] - seen[1][2]) + angular[row, 0]
            twist[4] = 0.5 * orientation_gain * (seen[0][2] - seen[2][0]) + angular[row, 1]
            twist[5] = 0.5 * orientation_gain * (seen[1][0] - seen[0][1]) + angular[row, 2]
            for i in range(TWIST):
                for k in range(joints):
                    twist[i] -= J[row, i, k] * posture[k]
                for j in range(i + 1):
                    total = damping * damping if i == j else 0.0
                    for k in range(joints):
                        total += J[row, i, k] * J[row, j, k]
                    normal[i][j] = total
            solve(normal, twist)
            excess = 1.0
            for k in range(joints):
                total = posture[k]
                for i in range(TWIST):
                    total += J[row, i, k] * twist[i]
                joint_velocity[row, k] = total
                excess = larger(excess, fabs(total) / joint_speed[k])
            for k in range(joints):
                joint_velocity[row, k] /= excess


def turn_rotation(const double[:, ::1] rate, double time, double[:, :, ::1] rotation):
    """Turn rotations by rates [rad/s] for a time: ``(cI + s[a]× + (1 - c)aaᵀ) R``."""
    cdef double angle, c, s, x, y, z
    cdef double[3] axis
    cdef double[3][3] by
    cdef Py_ssize_t row
    cdef int i, j
    with nogil:
        for row in range(rate.shape[0]):
            x, y, z = rate[row, 0], rate[row, 1], rate[row, 2]
            angle = sqrt(x * x + y * y + z * z)
            if angle == 0.0:
                continue
            axis[0], axis[1], axis[2] = x / angle, y / angle, z / angle
            c, s = cos(angle * time), sin(angle * time)
            for i in range(3):
                for j in range(3):
                    by[i][j] = (1.0 - c) * axis[i] * axis[j] + (c if i == j else 0.0)
            by[2][1] += s * axis[0]
            by[0][2] += s * axis[1]
            by[1][0] += s * axis[2]
            by[1][2] -= s * axis[0]
            by[2][0] -= s * axis[1]
            by[0][1] -= s * axis[2]
            for j in range(3):
                x, y, z = rotation[row, 0, j], rotation[row, 1, j], rotation[row, 2, j]
                for i in range(3):
                    rotation[row, i, j] = by[i][0] * x + by[i][1] * y + by[i][2] * z
