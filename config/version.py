"""Versions of other programs, as an operator writes them: what they do not know yet is left out, or refused."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

Version = tuple[int, int]


def read_version(written: object, example: str = "2.42") -> object:
    """`2.42` or `2.42.1`: its first two numbers. `example` is one of the program's own."""
    if isinstance(written, tuple):
        return written
    found = re.fullmatch(r"v?(\d{1,3})\.(\d{1,3})(?:\.\d{1,3})?", written, re.ASCII) if isinstance(written, str) else None
    if found is None:
        raise ValueError(f'is no version; write one in quotes, like "{example}"')
    return int(found[1]), int(found[2])


def write_version(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def _of_alertmanager(written: object) -> object:
    version = read_version(written, "0.25")
    if isinstance(version, tuple) and version[0] > 0:
        raise ValueError('is no version of Alertmanager, all of which begin with 0; write one like "0.25"')
    return version


def _of_prometheus(written: object) -> object:
    version = read_version(written)
    if isinstance(version, tuple) and version < OLDEST_PROMETHEUS:
        raise ValueError(f"is too old for the rules, which ask for what came with {write_version(OLDEST_PROMETHEUS)}; use that, or a newer one")
    return version


OLDEST_PROMETHEUS: Version = (2, 40)
"""Which brought `histogram_count` and the like (its changelog, 2.40.0)."""
NATIVE_PROMETHEUS: Version = (2, 48)
"""From which on rules and dashboards do with native histograms alone: 2.45 brought `sum_over_time` of them and their products with numbers, and what
is recorded of them was discarded now and then (github.com/prometheus/prometheus/pull/12739)."""
VersionOfAlertmanager = Annotated[Version, BeforeValidator(_of_alertmanager), PlainSerializer(write_version)]
VersionOfPrometheus = Annotated[Version, BeforeValidator(_of_prometheus), PlainSerializer(write_version)]
