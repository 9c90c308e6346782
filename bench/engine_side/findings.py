"""All findings of a run: what its engines' own numbers say about what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from bench.engine_side.case import Case, cases
from bench.engine_side.finding import Finding, Rule, judged
from bench.engine_side.notes import Notes
from bench.engine_side.rules import cache, capacity, circumstances, decode, first_token, hardware
from bench.summary.words import percent
from probes.wording import listed

RULES: tuple[Rule, ...] = (*first_token.RULES, *decode.RULES, *capacity.RULES, *cache.RULES, *hardware.RULES, *circumstances.RULES)
_ORDER = {"caveat": 0, "cause": 1, "unknown": 2}
UNREAD_SHARE = 0.1


def findings(notes: Notes) -> tuple[Finding, ...]:
    """What can be said of each target, caveats first. Each has its figures, and nothing is said without any."""
    found: list[Finding] = []
    for _, of_target in groupby(cases(notes), key=lambda case: case.target):
        measured = [case for case in of_target if any(chat.counts for chat in case.chats)]
        if measured:
            found += [finding for rule in RULES if (finding := judged(rule, measured)) is not None]
            found += [*_unread(measured), *_untold(measured)]
    return tuple(sorted(found, key=lambda finding: _ORDER[finding.kind]))


def _unread(measured: Sequence[Case]) -> Iterator[Finding]:
    """Whether its metrics could not be read, at least now and then."""
    accounts = [account for case in measured for account in case.accounts]
    readings, problems = sum(account.readings for account in accounts), [problem for account in accounts for problem in account.problems]
    if problems and len(problems) >= UNREAD_SHARE * readings:
        often = Counter(problems).most_common(1)[0][0]
        yield Finding(
            rule="unread",
            kind="unknown",
            target=measured[0].target,
            level=None,
            words=f"{percent(len(problems) / readings)} of the looks at its own metrics failed: {often}",
            figures={"looks": float(readings), "failed": float(len(problems))},
            advice="",
        )


def _untold(measured: Sequence[Case]) -> Iterator[Finding]:
    """What it told at no level, so that rules had nothing to look at."""
    silent = [rule for rule in RULES if rule.concerns(measured[0]) and not any(rule.known(case) for case in measured)]
    if silent:
        needs = list(dict.fromkeys(rule.needs for rule in silent))
        yield Finding(
            rule="untold",
            kind="unknown",
            target=measured[0].target,
            level=None,
            words=f"{measured[0].title} did not tell {listed(needs, 'or')}; nothing is said of {listed([rule.name for rule in silent], 'or')}",
            figures={"rules": float(len(silent))},
            advice="",
        )
