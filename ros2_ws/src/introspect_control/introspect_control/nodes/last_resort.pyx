# cython: language_level=3
"""Ends a process that hangs in a library, which no line of Python could do meanwhile."""

from libc.signal cimport SIGALRM, signal
from posix.unistd cimport _exit, alarm

cdef int _exit_code = 0


cdef void _leave(int number) noexcept nogil:
    _exit(_exit_code)


def leave_after(unsigned int seconds, int exit_code):
    """End the process with an exit code, without clean-up, unless it has ended before.

    SIGALRM is taken for it, and answered in C: whoever hangs may hold Python's lock.

    Args:
        seconds: from now; 0: no more.
        exit_code: of the process.
    """
    global _exit_code
    _exit_code = exit_code
    signal(SIGALRM, _leave)
    alarm(seconds)
