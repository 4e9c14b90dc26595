"""How a process and those that it starts come to their end.

Apart from `processes.py` because launchers import it before anything else and must start fast:
nothing here costs more than `ctypes`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent() -> bool:
    """Be killed when the parent *thread* ends; False where the system cannot do it.

    The kernel ties this to the thread that forked us, not to its process: a launcher must be
    started by a thread that outlives it. SIGKILL, because nothing that we serve is worth a clean
    end and some engines catch SIGTERM and linger.
    """
    if sys.platform != "linux":
        return False
    parent_pid = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        return False
    if os.getppid() != parent_pid:  # it died between the two calls: nobody will tell us any more
        os.kill(os.getpid(), signal.SIGKILL)
    return True


def let_children_end_on_sigterm() -> None:
    """Stop ignoring SIGTERM, which whoever we start would inherit; for us it still does nothing.

    A handler is set back when another program is executed, what is ignored stays ignored.
    """
    if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        signal.signal(signal.SIGTERM, lambda _signum, _frame: None)
