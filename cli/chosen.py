"""The targets that a command works with: those of the configuration and of discovery, and which of them --targets names."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from config.model import Config
    from probes.control import Control
    from traffic.roster import Roster


def patterns_in(chosen: str | None) -> list[str]:
    """What --targets names; without it, any target."""
    return ["*"] if chosen is None else [pattern.strip() for pattern in chosen.split(",")]


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether it is named by any of them."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def unmatched(patterns: Iterable[str], names: Collection[str]) -> list[str]:
    """Those that name nothing of what there is."""
    return [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)]


async def roster_of(config: Config, control: Control) -> Roster:
    """The targets of the configuration, and those that discovery finds; what it cannot look at is printed."""
    from discovery.kubernetes.once import seen_once
    from discovery.plan import plan

    made = await asyncio.to_thread(plan, config, seen=await seen_once(config, control))
    for problem in (*made.files.problems, *made.cluster.problems):
        click.echo(problem, err=True)
    return made.roster
