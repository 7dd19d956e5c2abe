"""Whether a job works in a run's folder now: it holds RUN/.lock (include/metazoa/store/lock.h)."""

import errno
import fcntl
import os


def held(folder):
    """Whether somebody holds the lock; False where the file system has no locks."""
    try:
        file = os.open(os.path.join(folder, ".lock"), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError as error:
        return error.errno == errno.EWOULDBLOCK
    finally:
        os.close(file)
