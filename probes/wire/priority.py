"""The worker goes first: a thread that waits for a processor reads late, and late reads share stamps."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
from functools import cache

UNBROKEN_MICROSECONDS = 2_000_000
"""Processor time that the worker may take at a stretch, without sleeping once, before it goes back among the others."""
YIELDED_NICENESS = 19
"""How much nicer than its worker the main process makes itself, where the worker is but one of the others: parsing and serving can wait, reading
cannot. Equals that share a core hold each other for a scheduler slice of some milliseconds."""


def go_first() -> bool:
    """Schedule this thread in real time (round robin, the lowest such priority) where that is allowed: to root, or with CAP_SYS_NICE.

    On a machine whose processors an engine keeps busy, a thread among the others waits for tens of milliseconds; this one does not. Threads
    that it starts are scheduled as usual. One that runs away loses the privilege (`RLIMIT_RTTIME`, setrlimit(2)). False where it is not allowed.
    """
    signal.signal(signal.SIGXCPU, lambda _number, _frame: _go_with_the_others())
    try:
        _in_real_time()
        _, most = resource.getrlimit(resource.RLIMIT_RTTIME)
        enough = UNBROKEN_MICROSECONDS if most == resource.RLIM_INFINITY else min(UNBROKEN_MICROSECONDS, most)
        resource.setrlimit(resource.RLIMIT_RTTIME, (enough, most))
    except OSError:
        return False
    return True


def yield_to_worker() -> None:
    """Make this process nicer, once there is a chat to measure; needs no privilege.

    Not where the worker is scheduled in real time: it goes first anyway, and this process would starve beside others
    that keep the processors busy. Chats would begin late. Not before the first chat either: what is asked of an engine
    that takes every processor would starve, and with it the answer to whether a chat may be sent at all.
    """
    with contextlib.suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, 0) < YIELDED_NICENESS and not _real_time_is_allowed():
            os.setpriority(os.PRIO_PROCESS, 0, YIELDED_NICENESS)


@cache
def _real_time_is_allowed() -> bool:
    """Tried by a thread of its own: capabilities, limits and control groups all have a say."""
    refused: list[OSError] = []

    def tries() -> None:
        try:
            _in_real_time()
        except OSError as error:
            refused.append(error)

    thread = threading.Thread(target=tries)
    thread.start()
    thread.join()
    return not refused


def _in_real_time() -> None:
    os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))


def _go_with_the_others() -> None:
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
