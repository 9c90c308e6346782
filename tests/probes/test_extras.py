from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from probes.extras import LIBRARIES, missing

EXTRAS: dict[str, list[str]] = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", LIBRARIES)
def test_what_is_installed_is_not_missing(extra: str) -> None:
    assert missing(extra) is None


def test_what_is_missing_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid", None)
    assert missing("language") == "the extra 'language', which is not installed; install chatprobe[language] in place of chatprobe"


def test_each_extra_that_a_user_can_ask_for_is_known() -> None:
    assert EXTRAS.keys() - {"dev"} == LIBRARIES.keys()
    for extra, modules in LIBRARIES.items():
        assert [*brought(extra)] == [*modules]


def brought(extra: str) -> Iterator[str]:
    """The modules of an extra, and of the extras that it takes in."""
    for requirement in EXTRAS[extra]:
        taken_in = re.fullmatch(r"chatprobe\[(.+)\]", requirement)
        if taken_in is None:
            yield requirement.partition(">")[0].replace("-", "_")
        else:
            yield from chain.from_iterable(map(brought, taken_in[1].split(",")))
