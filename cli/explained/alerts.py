"""Every alert: its runbook."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cli.explained.pages import RUNBOOKS, names, page
from cli.explained.topic import Topic


def topics() -> Iterator[Topic]:
    """By name."""
    return (Topic(name, "alert", partial(_runbook, name)) for name in names(RUNBOOKS))


def _runbook(name: str) -> str:
    """The page without its heading, which is the name."""
    return page(f"{RUNBOOKS}/{name}.md").partition("\n")[2].strip()
