"""What an alert is written as: its cause, held for a while after it went, and of nothing that chatprobe no longer has.

Prometheus' own `keep_firing_for` holds an alert whatever becomes of its target, so it is held by the expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from alerts.recordings import ATTEMPTS, CHATS, GONE, GONE_SLO, TARGET
from alerts.rule import Alert, Group, Recording
from alerts.windows import HOUR, written
from catalogue import own

TOLD_SECONDS = HOUR
"""A budget that nothing was told of for so long alerts no more, while nobody can say whether its target is gone; longer than any restart."""


def standing(group: Group, interval_seconds: int) -> Group:
    """The group as it is evaluated, each `interval_seconds`."""
    return replace(group, rules=tuple(rule if isinstance(rule, Recording) else _standing(rule, interval_seconds) for rule in group.rules))


def _standing(alert: Alert, interval_seconds: int) -> Alert:
    held = _held(alert, interval_seconds) if alert.keep_seconds else alert.expr
    ended = [f"unless on ({', '.join(alert.by)})\n{alert.unless}"] if alert.unless else []
    left_out = "\n".join((*ended, *_there(alert.by)))
    return replace(alert, expr=f"({held})\n{left_out}" if left_out else held)


def _held(alert: Alert, interval_seconds: int) -> str:
    """The cause, or while the alert fires that of an evaluation within `keep_seconds`. A range begins just before the oldest of them: Prometheus 3
    leaves its first instant out."""
    fires = {"alertname": alert.name, "alertstate": "firing", **alert.labels}
    matchers = ", ".join(f'{name}="{value}"' for name, value in fires.items())
    window = f"[{written(alert.keep_seconds + 1)}:{written(interval_seconds)}]"
    return f"{alert.expr}\nor\nlast_over_time((\n{alert.expr}\n){window})\nand on ({', '.join(alert.by)})\nALERTS{{{matchers}}}"


def _there(by: tuple[str, ...]) -> Iterator[str]:
    """What leaves out alerts on targets, their models and their scenarios that chatprobe does not have any more, by the labels of an alert."""
    if own.SLO in by:
        labels = ", ".join(ATTEMPTS.labels)
        told = f"and on ({labels})\nlast_over_time({own.SLO_TOTAL.name}[{written(TOLD_SECONDS)}])"
        yield f"{told}\nunless on ({labels})\n{GONE_SLO.name}"
    elif own.SCENARIO in by:
        yield f"unless on ({', '.join(CHATS)})\n{GONE.name}"
    elif set(TARGET) <= set(by):
        labels = ", ".join(TARGET)
        yield f"unless on ({labels})\n({GONE.name} unless on ({labels}) {own.PROBES.name})"
