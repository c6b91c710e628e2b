# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One tick of a joint inside its limits; the rules are told in ``introspect_control/limiter.py``."""

from libc.math cimport copysign, fabs, floor, sqrt

from introspect_control.kernels.arithmetic cimport between, larger, smaller

cdef enum:
    BISECTIONS = 24


cdef struct Joint:  # one joint's limits, its state, and the time between two ticks
    double lower, upper, V, A, J, stop_distance
    double q, v, a, dt


cdef inline Joint load(
    const double[:, ::1] limits,
    double dt,
    const double[:, ::1] position,
    const double[:, ::1] velocity,
    const double[:, ::1] acceleration,
    Py_ssize_t row,
    Py_ssize_t k,
) noexcept nogil:
    """Joint k of an arm, as its last tick left it."""
    cdef Joint joint
    joint.lower, joint.upper, joint.V = limits[0, k], limits[1, k], limits[2, k]
    joint.A, joint.J, joint.stop_distance = limits[3, k], limits[4, k], limits[5, k]
    joint.q, joint.v, joint.a = position[row, k], velocity[row, k], acceleration[row, k]
    joint.dt = dt
    return joint


cdef inline void store(
    const Joint* joint,
    double[:, ::1] position,
    double[:, ::1] velocity,
    double[:, ::1] acceleration,
    Py_ssize_t row,
    Py_ssize_t k,
) noexcept nogil:
    """Keep what a tick made of joint k of an arm."""
    position[row, k], velocity[row, k], acceleration[row, k] = joint.q, joint.v, joint.a


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
                joint = load(limits, dt, position, velocity, acceleration, row, k)
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
                store(&joint, position, velocity, acceleration, row, k)


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
                joint = load(limits, dt, position, velocity, acceleration, row, k)
                tick_velocity(&joint, desired[row, k])
                store(&joint, position, velocity, acceleration, row, k)


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
    cdef double share, change, asked
    cdef Py_ssize_t row, k, tick
    with nogil:
        for row in range(position.shape[0]):
            for tick in range(positions.shape[0]):
                share = 1.0
                for k in range(position.shape[1]):
                    change = fabs(desired[row, k] - velocity[row, k]) / largest_change[k]
                    share = larger(share, change)
                for k in range(position.shape[1]):
                    asked = velocity[row, k] + (desired[row, k] - velocity[row, k]) / share
                    joint = load(limits, dt, position, velocity, acceleration, row, k)
                    tick_velocity(&joint, asked)
                    store(&joint, position, velocity, acceleration, row, k)
                    positions[tick, row, k], velocities[tick, row, k] = joint.q, joint.v
