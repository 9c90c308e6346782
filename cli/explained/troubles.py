"""Every reason and every refusal."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from catalogue.troubles.groups import GROUPS, Group
from catalogue.troubles.page import told
from catalogue.troubles.trouble import Trouble
from cli.explained.topic import Topic


def topics() -> Iterator[Topic]:
    """In the order of the page on troubles."""
    return (Topic(trouble.name, group.kind, partial(_text, group, trouble)) for group in GROUPS for trouble in group.troubles)


def _text(group: Group, trouble: Trouble) -> str:
    return f"{told(trouble)}\n\n{group.met}"
