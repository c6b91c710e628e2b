# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Inner loops of kinematics, limiter and servo, compiled: one arm after the other.

What an arm gets does not depend on how many are computed with it, to the last bit. Arrays are
C-contiguous float64, those that are written to come last; shapes, units and sources are where they
are called from: ``kinematics.py``, ``limiter.py`` and ``servo.py``.
"""

from libc.math cimport copysign, cos, fabs, floor, sin, sqrt

cdef enum:
    MOST_JOINTS = 16
    BISECTIONS = 24
    TWIST = 6

MAX_JOINTS = MOST_JOINTS


cdef inline double smaller(double a, double b) noexcept nogil:
    return a if a < b else b


cdef inline double larger(double a, double b) noexcept nogil:
    return a if a > b else b


cdef inline double between(double low, double value, double high) noexcept nogil:
    return smaller(larger(value, low), high)


# ---- kinematics ----


cdef struct Pose:
    double[3] position
    double[3][3] rotation


cdef struct Sweep:
    Pose tool
    double[MOST_JOINTS][3] axis
    double[MOST_JOINTS][3] origin


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


cdef void tool_jacobian(const Sweep* found, int joints, double[:, ::1] J) noexcept nogil:
    """Geometric Jacobian (6, joints): linear over angular."""
    cdef double x, y, z
    cdef int k
    for k in range(joints):
        x = found.tool.position[0] - found.origin[k][0]
        y = found.tool.position[1] - found.origin[k][1]
        z = found.tool.position[2] - found.origin[k][2]
        J[0, k] = found.axis[k][1] * z - found.axis[k][2] * y
        J[1, k] = found.axis[k][2] * x - found.axis[k][0] * z
        J[2, k] = found.axis[k][0] * y - found.axis[k][1] * x
        J[3, k] = found.axis[k][0]
        J[4, k] = found.axis[k][1]
        J[5, k] = found.axis[k][2]


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
    cdef double x, y, z
    cdef Py_ssize_t row, k
    with nogil:
        for row in range(q.shape[0]):
            sweep(q[row], transforms, &found)
            write_pose(&found.tool, position[row], rotation[row])
            velocity[row, 0] = velocity[row, 1] = velocity[row, 2] = 0.0
            for k in range(q.shape[1]):
                x = found.tool.position[0] - found.origin[k][0]
                y = found.tool.position[1] - found.origin[k][1]
                z = found.tool.position[2] - found.origin[k][2]
                velocity[row, 0] += (found.axis[k][1] * z - found.axis[k][2] * y) * dq[row, k]
                velocity[row, 1] += (found.axis[k][2] * x - found.axis[k][0] * z) * dq[row, k]
                velocity[row, 2] += (found.axis[k][0] * y - found.axis[k][1] * x) * dq[row, k]


# ---- limiter ----


cdef struct Joint:  # one joint's limits, its state, and the time between two ticks
    double lower, upper, V, A, J, stop_distance
    double q, v, a, dt


cdef Joint load(
    const double[:, ::1] limits, double dt, Py_ssize_t k, double q, double v, double a
) noexcept nogil:
    cdef Joint joint
    joint.lower, joint.upper, joint.V = limits[0, k], limits[1, k], limits[2, k]
    joint.A, joint.J, joint.stop_distance = limits[3, k], limits[4, k], limits[5, k]
    joint.q, joint.v, joint.a, joint.dt = q, v, a, dt
    return joint


cdef double fastest(double room, double J, double dt) noexcept nogil:
    """Largest a with ``(a + ramp(a))·dt <= room``, ramp(a) = sum of max(a - kJ, 0) over k >= 1.

    Piecewise linear in a: with m full ramp ticks, ``a + ramp(a) = (m + 1)·a - J·m(m + 1)/2``, and
    ``m = floor(½(√(1 + 8·room/(J·dt)) - 1))``.
    """
    cdef double total = room / dt
    cdef double m = floor(0.5 * (sqrt(1.0 + 8.0 * larger(total, 0.0) / J) - 1.0))
    return (total + 0.5 * J * m * (m + 1.0)) / (m + 1.0)


cdef double towards(double room, const Joint* joint) noexcept nogil:
    """Acceleration that gains this much velocity soonest, whatever the limits say of it."""
    return copysign(fastest(fabs(room), joint.J, joint.dt), room)


cdef void bounds(const Joint* joint, double* low, double* high) noexcept nogil:
    """Accelerations that jerk, acceleration and velocity limits allow."""
    cdef double bottom = larger(joint.a - joint.J, -joint.A)
    cdef double top = smaller(joint.a + joint.J, joint.A)
    low[0] = smaller(larger(bottom, -fastest(joint.V + joint.v, joint.J, joint.dt)), top)
    high[0] = larger(smaller(top, fastest(joint.V - joint.v, joint.J, joint.dt)), bottom)


cdef double farthest(double a, double q, double v, double A, double J, double dt) noexcept nogil:
    """Largest position reached from (q, v) when a tick at a is followed by the hardest stop.

    Every tick after it lowers a by J, down to -A.
    """
    cdef double ramp = floor((a + A) / J)  # ticks until a is down to -A
    cdef double half = a - 0.5 * J
    cdef double v_ramp, discriminant, k, q_k, m, q_m
    v += a * dt
    q += v * dt
    k = ramp
    v_ramp = v + dt * (ramp * a - 0.5 * J * ramp * (ramp + 1.0))
    if v_ramp <= 0.0:
        discriminant = half * half + 2.0 * J * v / dt
        k = 0.0
        if discriminant > 0.0:
            k = between(0.0, floor((half + sqrt(discriminant)) / J), ramp)  # last tick with v > 0
    q_k = q + dt * (k * v + dt * (0.5 * a * k * (k + 1.0) - J * k * (k + 1.0) * (k + 2.0) / 6.0))
    m = floor(larger(v_ramp, 0.0) / (A * dt))  # ticks at -A with v > 0
    q_m = q_k + dt * m * (v_ramp - 0.5 * A * dt * (m + 1.0))
    return larger(q, larger(q_k, q_m))


cdef double respect(
    double a, double hardest, double q, double v, double upper, const Joint* joint
) noexcept nogil:
    """``a``, or less where the hardest stop after it would pass ``upper``."""
    cdef double inside = smaller(hardest, a), outside = a, middle
    cdef double A = joint.A, J = joint.J, dt = joint.dt
    cdef int k
    if farthest(a, q, v, A, J, dt) <= upper:
        return a
    for k in range(BISECTIONS):
        middle = 0.5 * (inside + outside)
        if farthest(middle, q, v, A, J, dt) > upper:
            outside = middle
        else:
            inside = middle
    return inside


cdef void advance(Joint* joint, double wanted) noexcept nogil:
    """One tick at an allowed acceleration, or at the nearest from which the joint can stop."""
    cdef double a = wanted, low, high
    # Farther than the stopping distance from both ends the position condition cannot bind.
    if joint.q > joint.upper - joint.stop_distance:
        bounds(joint, &low, &high)
        a = respect(a, low, joint.q, joint.v, joint.upper, joint)
    if joint.q < joint.lower + joint.stop_distance:  # as in a mirror
        bounds(joint, &low, &high)
        a = -respect(-a, -high, -joint.q, -joint.v, -joint.lower, joint)
    joint.a = a
    joint.v += a * joint.dt
    joint.q += joint.v * joint.dt


def limit_position(
    const double[:, ::1] desired,
    const double[:, ::1] before,
    const double[:, ::1] limits,
    double dt,
    double[:, ::1] position,
    double[:, ::1] velocity,
    double[:, ::1] acceleration,
):
    """One tick of every joint towards a desired position; ``before``: the one desired last."""
    cdef Joint joint
    cdef double error, exact, low, high, wanted, size, speed
    cdef Py_ssize_t row, k
    cdef bint feasible
    with nogil:
        for row in range(position.shape[0]):
            for k in range(position.shape[1]):
                joint = load(
                    limits, dt, k, position[row, k], velocity[row, k], acceleration[row, k]
                )
                bounds(&joint, &low, &high)
                error = desired[row, k] - joint.q
                exact = (error / dt - joint.v) / dt
                feasible = low <= exact <= high
                wanted = exact
                if not feasible:
                    # Catch up at a speed from which it can still stop at the desired position.
                    size = fabs(error)
                    speed = copysign(smaller(size / (4.0 * dt), sqrt(0.7 * joint.A * size)), error)
                    speed = (desired[row, k] - before[row, k]) / dt + speed
                    speed = between(-joint.V, speed, joint.V)
                    wanted = between(low, towards(speed - joint.v, &joint), high)
                advance(&joint, wanted)
                if feasible and joint.a == exact:
                    joint.q = desired[row, k]
                position[row, k], velocity[row, k] = joint.q, joint.v
                acceleration[row, k] = joint.a


cdef inline void tick_velocity(Joint* joint, double desired) noexcept nogil:
    # A velocity within its limit needs no other bound on the way there: ``fastest`` is monotone.
    cdef double low = larger(joint.a - joint.J, -joint.A)
    cdef double high = smaller(joint.a + joint.J, joint.A)
    cdef double room = between(-joint.V, desired, joint.V) - joint.v
    advance(joint, between(low, towards(room, joint), high))


def limit_velocity(
    const double[:, ::1] desired,
    const double[:, ::1] limits,
    double dt,
    double[:, ::1] position,
    double[:, ::1] velocity,
    double[:, ::1] acceleration,
):
    """One tick of every joint towards a desired velocity."""
    cdef Joint joint
    cdef Py_ssize_t row, k
    with nogil:
        for row in range(position.shape[0]):
            for k in range(position.shape[1]):
                joint = load(
                    limits, dt, k, position[row, k], velocity[row, k], acceleration[row, k]
                )
                tick_velocity(&joint, desired[row, k])
                position[row, k], velocity[row, k] = joint.q, joint.v
                acceleration[row, k] = joint.a


def follow_velocity(
    const double[:, ::1] desired,
    const double[::1] largest_change,
    const double[:, ::1] limits,
    double dt,
    double[:, ::1] position,
    double[:, ::1] velocity,
    double[:, ::1] acceleration,
    double[:, :, ::1] positions,
    double[:, :, ::1] velocities,
):
    """Several ticks towards a desired velocity, the joints of an arm in proportion.

    In a tick the velocity asked for changes by ``largest_change`` at most, all joints alike.
    ``positions`` and ``velocities`` (ticks, n, joints) take what was sent.
    """
    cdef Joint joint
    cdef double share, change
    cdef double[MOST_JOINTS] asked
    cdef Py_ssize_t row, k, tick
    with nogil:
        for row in range(position.shape[0]):
            for tick in range(positions.shape[0]):
                share = 1.0
                for k in range(position.shape[1]):
                    change = fabs(desired[row, k] - velocity[row, k]) / largest_change[k]
                    share = larger(share, change)
                for k in range(position.shape[1]):
                    asked[k] = velocity[row, k] + (desired[row, k] - velocity[row, k]) / share
                for k in range(position.shape[1]):
                    joint = load(
                        limits, dt, k, position[row, k], velocity[row, k], acceleration[row, k]
                    )
                    tick_velocity(&joint, asked[k])
                    position[row, k], velocity[row, k] = joint.q, joint.v
                    acceleration[row, k] = joint.a
                    positions[tick, row, k], velocities[tick, row, k] = joint.q, joint.v


# ---- servo ----


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
    const double[::1] fastest_joints,
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
    cdef double[3][3] turn
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
                    turn[i][j] = total
            # Rotation vector from tool to reference, exact to first order: ½ vee(W Aᵀ - A Wᵀ).
            twist[3] = 0.5 * orientation_gain * (turn[2][1] - turn[1][2]) + angular[row, 0]
            twist[4] = 0.5 * orientation_gain * (turn[0][2] - turn[2][0]) + angular[row, 1]
            twist[5] = 0.5 * orientation_gain * (turn[1][0] - turn[0][1]) + angular[row, 2]
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
                excess = larger(excess, fabs(total) / fastest_joints[k])
            for k in range(joints):
                joint_velocity[row, k] /= excess


def turn(const double[:, ::1] rate, double time, double[:, :, ::1] rotation):
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
