from __future__ import annotations

import subprocess
import sys

import pytest

from probes.wire.priority import YIELDED_NICENESS

TELLS = """
import os
from probes.wire import priority

def answers(*_):
    if {refused}:
        raise PermissionError

os.sched_setscheduler = answers
before = os.getpriority(os.PRIO_PROCESS, 0)
priority.yield_to_worker()
print(before, os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0) == os.SCHED_RR)
"""


@pytest.mark.parametrize("refused", [True, False])
def test_the_process_makes_itself_nice_only_where_its_worker_is_not_scheduled_in_real_time(refused: bool) -> None:
    told = subprocess.run([sys.executable, "-c", TELLS.format(refused=refused)], check=True, capture_output=True, text=True).stdout
    before, after, real_time = told.split()
    assert int(after) == (YIELDED_NICENESS if refused else int(before))
    assert real_time == "False"
