"""All that can be wrong, in the order of a page: what belongs together, and where it is met."""

from __future__ import annotations

from dataclasses import dataclass

from catalogue import own
from catalogue.troubles.failures import FAILURES
from catalogue.troubles.refusals import BENCHMARKS, CONFIGURATION, DISCOVERY
from catalogue.troubles.scrapes import DROPS, SCRAPES
from catalogue.troubles.skips import LOAD_FAILURES, SKIPS, UNDECIDED
from catalogue.troubles.trouble import Trouble
from catalogue.troubles.verdicts import CHECKS, COMPARISONS


@dataclass(frozen=True, slots=True)
class Group:
    """What can be wrong in one respect.

    `kind` is what one of them is called. `met` is where it is met, and what holds for all of them, in Markdown.
    """

    title: str
    kind: str
    met: str
    troubles: tuple[Trouble, ...]


GROUPS = (
    Group(
        "A chat failed",
        "reason of failure",
        f'Label `reason` of `{own.PROBE_FAILURES.name}`; in the log `event="probe failed"` with `reason` and the engine\'s words in `detail`; last '
        "line of `chatprobe probe`. A chat has exactly one reason, the first cause in time.",
        tuple(FAILURES.values()),
    ),
    Group(
        "A chat was not sent",
        "reason of a skip",
        f'Label `reason` of `{own.PROBE_SKIPPED.name}`; in the log `event="chat not sent"`.',
        tuple(SKIPS.values()),
    ),
    Group(
        "A pair has no winner",
        "reason of an undecided pair",
        f"Label `reason` of `{own.PAIRS_UNDECIDED.name}`. Both sides succeeded, and the comparison would not be fair.",
        tuple(UNDECIDED.values()),
    ),
    Group(
        "A model was not loaded",
        "reason of a failed load",
        f"Label `reason` of `{own.MODEL_LOAD_FAILURES.name}`, of targets with `load_model`.",
        tuple(LOAD_FAILURES.values()),
    ),
    Group(
        "An engine's own metrics are not read",
        "reason of a failed scrape",
        f"Label `reason` of `{own.NATIVE_UP.name}` where that is 0. What users feel is measured all the same.",
        SCRAPES,
    ),
    Group(
        "Series of an engine are not served on",
        "reason of a dropped series",
        f"Label `reason` of `{own.NATIVE_SERIES_DROPPED.name}`.",
        DROPS,
    ),
    Group(
        "A configuration is refused",
        "refusal of a configuration",
        "`chatprobe check` prints each error as FILE:LINE:COLUMN, the key, what is wrong and what would be right.",
        CONFIGURATION,
    ),
    Group(
        "Discovery passes something over",
        "refusal of discovery",
        "`chatprobe discover` lists what is no target and why; the log and the status page have it too.",
        DISCOVERY,
    ),
    Group("A benchmark run does not begin", "refusal of a benchmark run", "`chatprobe bench` says why and exits with 2.", BENCHMARKS),
    Group(
        "A benchmark run has no verdict",
        "check of a benchmark run",
        "`verdict.trusted` in `summary.json` is false, and no winner is named; the numbers stay. The check's name is in `verdict.checks`.",
        CHECKS,
    ),
    Group(
        "A comparison is INCONCLUSIVE",
        "cause of INCONCLUSIVE",
        "`chatprobe bench compare` exits with 2, and says why beside each measure.",
        COMPARISONS,
    ),
)
