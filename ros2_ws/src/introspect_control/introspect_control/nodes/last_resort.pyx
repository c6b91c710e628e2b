# cython: language_level=3
"""Ends a process that hangs in a library, which no line of Python could do meanwhile."""

from posix.time cimport nanosleep, timespec
from posix.unistd cimport _exit, write

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    int pthread_create(pthread_t*, void*, void* (*)(void*) noexcept nogil, void*)
    int pthread_detach(pthread_t)

cdef const char* _LINE = b"introspect: the middleware did not let go; ended without it\n"
cdef volatile long _armed = 0  # which of the calls is in force
cdef volatile long _seconds = 0
cdef volatile int _exit_code = 0


cdef void* _wait(void* call) noexcept nogil:
    cdef timespec time
    time.tv_sec, time.tv_nsec = _seconds, 0
    nanosleep(&time, NULL)
    if <long>call == _armed:
        write(2, _LINE, 60)
        _exit(_exit_code)
    return NULL


def leave_after(long seconds, int exit_code):
    """End the process with an exit code, without clean-up, unless it has ended before.

    A thread of its own waits, for whoever hangs may hold Python's lock.

    Args:
        seconds: from now; 0: no more.
        exit_code: of the process.

    Raises:
        OSError: There is no thread left.
    """
    global _armed, _seconds, _exit_code
    _armed += 1
    if seconds <= 0:
        return
    _seconds, _exit_code = seconds, exit_code
    cdef pthread_t thread
    if pthread_create(&thread, NULL, _wait, <void*>_armed):
        raise OSError("no thread could be started")
    pthread_detach(thread)
