"""Rules on what happened to the run: restarts, and requests of others."""

from __future__ import annotations

from bench.engine_side.case import Case
from bench.engine_side.finding import Fact, Rule
from bench.engine_side.phases import others
from bench.summary.words import percent
from probes.wording import counted

STRANGERS_SHARE = 0.01
FEWEST_STRANGERS = 2


def _restart(case: Case) -> Fact | None:
    count = sum(account.restarts for account in case.accounts)
    if not count:
        return None
    blocks = [account.block.number for account in case.accounts if account.restarts]
    return Fact(
        words=f"the engine began anew {counted(round(count), 'time')} while it was measured",
        short=counted(round(count), "time"),
        figures={"restarts": float(count), "first_block": float(blocks[0])},
        advice="look at its log; what it told of a block with a restart in it is left out, and chats after one had cold caches",
    )


def strangers(case: Case) -> Fact | None:
    """Whether so many others used the engine that what it tells of itself is not of our chats alone."""
    found = others(case)
    if found is None or found.strangers < max(FEWEST_STRANGERS, STRANGERS_SHARE * found.counted):
        return None
    share, requests = found.strangers / found.counted, counted(round(found.strangers), "request")
    return Fact(
        words=f"others used the engine too: {requests} of {found.counted:,.0f} ({percent(share)}) were not of this run",
        short=percent(share),
        figures={"requests": found.counted, "of_others": found.strangers, "share": share},
        advice="measure while nobody else uses it; what it tells of itself is of all requests",
    )


RULES = (
    Rule(
        name="restarted",
        kind="caveat",
        needs="its counters",
        known=lambda case: any(account.readings > len(account.problems) for account in case.accounts),
        look=_restart,
        fact="its process began anew, or its counters fell, within a block or since the one before",
        limit="once",
        remedy="its log",
    ),
    Rule(
        name="others",
        kind="caveat",
        needs="how many requests it answered",
        known=lambda case: others(case) is not None,
        look=strangers,
        fact="requests that the engine counted in the blocks, beyond all chats of the run that it may have counted",
        limit=f"{percent(STRANGERS_SHARE)} of its requests, and at least {FEWEST_STRANGERS}",
        remedy="measure while nobody else uses it",
    ),
)
