"""What is told of everything that can be wrong: whole, without a gap in the closed lists, and alike on the page."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from bench.summary.trust import LIMITS
from catalogue.troubles.failures import FAILURES
from catalogue.troubles.groups import GROUPS, Group
from catalogue.troubles.page import page
from catalogue.troubles.refusals import CONFIGURATION, DISCOVERY
from catalogue.troubles.scrapes import DROPS, SCRAPES
from catalogue.troubles.skips import LOAD_FAILURES, SKIPS, UNDECIDED
from catalogue.troubles.trouble import Trouble
from catalogue.troubles.verdicts import CHECKS, COMPARISONS
from exporter.native.drops import DropReason
from exporter.native.failure import NativeReason
from probes.failure import Reason
from probes.load import LoadFailure
from traffic.events import SkipReason
from traffic.pairs import Undecided

ROOT = Path(__file__).parents[2]
EVERY = tuple(trouble for group in GROUPS for trouble in group.troubles)


def names(troubles: tuple[Trouble, ...]) -> list[str]:
    return [trouble.name for trouble in troubles]


def texts(trouble: Trouble) -> list[str]:
    return [trouble.meaning, trouble.looks_like, *chain.from_iterable((cause.what, cause.remedy) for cause in trouble.causes)]


def test_each_reason_of_the_closed_lists_is_told_of_in_their_order() -> None:
    assert list(FAILURES) == list(Reason)
    assert list(SKIPS) == list(SkipReason)
    assert list(UNDECIDED) == list(Undecided)
    assert list(LOAD_FAILURES) == list(LoadFailure)
    assert names(SCRAPES) == list(NativeReason)
    assert names(DROPS) == list(DropReason)
    assert names(CHECKS) == [limit.name for limit in LIMITS]


@pytest.mark.parametrize("trouble", EVERY, ids=lambda trouble: trouble.name)
def test_it_has_causes_with_remedies_in_plain_words(trouble: Trouble) -> None:
    assert trouble.causes
    for text in texts(trouble):
        assert text == text.strip() != ""
        assert not text.endswith(".")
        assert text.count("`") % 2 == 0
        assert not re.search(r"[|<>\n]|\*\*|\]\(", text), "nothing but code in backticks, so that every page can show it"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)
def test_a_name_stands_once_in_its_group(group: Group) -> None:
    assert max(Counter(trouble.name for trouble in group.troubles).values()) == 1


def test_what_it_refers_to_is_there() -> None:
    referred = {
        name for trouble in EVERY for text in texts(trouble) for name in re.findall(r"explain ([a-z_-]+)`|\bsee `([^`]+)`", text) for name in name
    }
    assert referred - {""} <= {trouble.name for trouble in EVERY}
    files = {name for trouble in EVERY for text in texts(trouble) for name in re.findall(r"`(docs/[^`]+)`", text)}
    assert [name for name in files if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    ("troubles", "sources"),
    [
        (CONFIGURATION, ["config/*.py", "tests/config/bad/*.txt"]),
        (DISCOVERY, ["discovery/**/*.py", "tests/discovery/**/*.py"]),
        (COMPARISONS, ["bench/comparing/*.py", "bench/statistics/samples.py", "tests/bench/comparing/*.py"]),
    ],
)
def test_the_words_that_it_looks_like_are_those_of_the_program(troubles: tuple[Trouble, ...], sources: list[str]) -> None:
    """Up to what is filled in: figures, names in capitals, and what an ellipsis stands for."""
    written = "".join(file.read_text() for pattern in sources for file in ROOT.glob(pattern))
    quoted = [(trouble.name, words) for trouble in troubles for words in re.findall(r"`([^`]+)`", trouble.looks_like) if " " in words]
    assert quoted
    pieces = [(name, piece.strip(" :;,?")) for name, words in quoted for piece in re.split(r"…|[A-Z]{3,}|\d+( %)?", words) if piece]
    assert [(name, piece) for name, piece in pieces if piece not in written] == []


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs/troubleshooting.md").read_text() == page(), "run `make generated`"
