"""Alerts on one target: what its users feel, and what stands in their way. No number of the configuration is in them: patience is told by metrics."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.histograms import Scraped
from alerts.recordings import CHATS, TARGET, TTFT_COUNT_1H, TTFT_P95_1H, UP
from alerts.rule import Alert, Share
from alerts.templates import COUNT, DURATION, MODEL, NAME, NUMBER, OF_CHATS, PERCENT, REFUSALS, SCENARIO, SHOWN, WHERE, WHO, last_words, link, reasons
from alerts.windows import DAY, HOUR, MINUTE, WEEK, Severity, written
from catalogue import own
from catalogue.uids import Dashboard

DOWN = "LLMTargetDown"
FEWEST_CHATS = 50
"""Fewer chats than this have no 95th percentile worth comparing: it would rest on two of them."""
_FEWEST_FAILURES = 3
"""Fewer are one bad moment."""
_FEWEST_GATHERED = 3
"""Fewer may be a moment in which a busy machine held one of the programs on the way."""
MISSING = Share(30 * MINUTE, above=0.5)
"""Of the failures of a target, those for which its engine has no such model."""
LOAD_FAILED_SECONDS = 30 * MINUTE
NOT_LOADED_SECONDS = HOUR
LOADS_SECONDS, FEWEST_LOADS = HOUR, 2
"""One load that nobody wanted may be a moment in which somebody else's chat came between."""
STALL_SECONDS = 2
STALLED = Share(10 * MINUTE, above=0.05, fewest=_FEWEST_FAILURES)
"""Of the chats that had a first token, those that fell silent for longer than `STALL_SECONDS` after it."""
GATHERED = Share(30 * MINUTE, above=0.2, fewest=_FEWEST_GATHERED)
BROKEN_OFF = Share(10 * MINUTE, above=0.1, fewest=_FEWEST_FAILURES)
"""Of the chats that had a first token, those that did not come to their end."""
_BY_TARGET, _BY_CHATS = ", ".join(TARGET), ", ".join(CHATS)
_AFTER_A_TOKEN = "stalled|timeout|protocol|error_in_stream|truncated"
"""Why a chat may fail whose first token came, its answer's check left aside."""


def increase(metric: str, seconds: int, labels: str = _BY_CHATS) -> str:
    """The growth of a counter in so many seconds, by chats of a target unless told otherwise."""
    return f"sum by ({labels}) (increase({metric}[{written(seconds)}]))"


SECONDS_AGO = 30
_JUST_NOW = f"min by ({_BY_TARGET}) (time() - {own.LAST_SUCCESS.name}) <= {SECONDS_AGO}"
"""A chat has succeeded: no alert says beside it that none does."""


def _down() -> Alert:
    """`UP` is as old as its last recording: a success since then is looked for in the chats themselves."""
    success, chat = (f"min by ({_BY_TARGET}) (time() - {metric.name})" for metric in (own.LAST_SUCCESS, own.LAST_PROBE))
    return Alert(
        DOWN,
        f"(\n  {success}\n  >\n  {chat}\n)\nand on ({_BY_TARGET})\n{UP.name} == 0\n"
        f"or\n{UP.name} == 0 unless on ({_BY_TARGET}) {own.LAST_SUCCESS.name}",
        Severity.PAGE,
        f"{NAME} answers no chat",
        f"No chat with {WHO} has succeeded {{{{ if $value }}}}for {DURATION}{{{{ else }}}}since chatprobe runs{{{{ end }}}}."
        + reasons("10m", rather_than=REFUSALS)
        + last_words(10 * MINUTE, rather_than=REFUSALS)
        + WHERE,
        link(Dashboard.OVERVIEW, *TARGET),
        for_seconds=MINUTE,
        keep_seconds=2 * MINUTE,
        unless=_JUST_NOW,
        by=TARGET,
    )


def _model_missing() -> Alert:
    window = MISSING.window_seconds
    missing = increase(f'{own.PROBE_FAILURES.name}{{{own.REASON}="model_missing"}}', window, _BY_TARGET)
    return Alert(
        "LLMModelMissing",
        f"{missing} > 0\n"
        f"and on ({_BY_TARGET})\n{missing} > {MISSING.above} * {increase(own.PROBE_FAILURES.name, window, _BY_TARGET)}\n"
        f"and on ({_BY_TARGET})\n{UP.name} == 0",
        Severity.PAGE,
        f"{NAME} does not serve {MODEL}",
        f"The engine answers that it has no model {MODEL}: {COUNT} chats with {NAME} failed by that in {MISSING.window}, "
        "and none succeeds. Users who ask for it get an error." + last_words(window, among="model_missing") + WHERE,
        link(Dashboard.OVERVIEW, *TARGET),
        for_seconds=2 * MINUTE,
        keep_seconds=2 * MINUTE,
        unless=_JUST_NOW,
        by=TARGET,
    )


def _model_load_failed() -> Alert:
    return Alert(
        "LLMModelLoadFailed",
        f"{increase(own.MODEL_LOAD_FAILURES.name, LOAD_FAILED_SECONDS, _BY_TARGET)} > 0\n"
        f"and on ({_BY_TARGET})\nmax by ({_BY_TARGET}) ({own.MODEL_LOADED.name}) == 0",
        Severity.PAGE,
        f"{NAME} cannot load {MODEL}",
        f"The engine was to load {MODEL}, which is allowed, and {COUNT} loads failed with {NAME} in {written(LOAD_FAILED_SECONDS)}. "
        "It is not slow: nothing is asked of the model until it is in memory. Users who ask for it wait for a load that fails."
        + last_words(LOAD_FAILED_SECONDS)
        + WHERE,
        link(Dashboard.OLLAMA, *TARGET),
        for_seconds=5 * MINUTE,
        keep_seconds=2 * MINUTE,
        by=TARGET,
    )


def _model_not_loaded() -> Alert:
    skipped = f'{own.PROBE_SKIPPED.name}{{{own.REASON}="model_not_loaded"}}'
    return Alert(
        "LLMModelNotLoaded",
        f"{increase(skipped, NOT_LOADED_SECONDS)} > 0\nand on ({_BY_TARGET})\n{skipped}\n"
        f"unless on ({_BY_TARGET})\nmax by ({_BY_TARGET}) ({own.MODEL_LOADED.name}) == 1",
        Severity.TICKET,
        f"{NAME} has not loaded {MODEL}",
        f"{COUNT} chats of {SCENARIO} were not sent to {NAME} in {written(NOT_LOADED_SECONDS)}, as the engine does not tell that the model "
        "is in memory, and chatprobe may not load it. Nothing is measured meanwhile, and the first user waits where the model has to be loaded.",
        link(Dashboard.OLLAMA, *TARGET),
        for_seconds=15 * MINUTE,
        by=CHATS,
    )


def _loads_model() -> Alert:
    skipped = f'{own.PROBE_SKIPPED.name}{{{own.REASON}="loads_model"}}'
    return Alert(
        "LLMProbeLoadsModel",
        f"{increase(own.UNWANTED_LOADS.name, LOADS_SECONDS)} >= {FEWEST_LOADS}\nor\n{increase(skipped, LOADS_SECONDS)} > 0",
        Severity.TICKET,
        f"{NAME} loads {MODEL} anew for chatprobe",
        f"Chats of {SCENARIO} with {NAME} had the model loaded anew although it was in memory. Its users wait for that, and again "
        "when it is loaded as they want it. chatprobe holds these chats back, and tries again ever more seldom.",
        link(Dashboard.OLLAMA, *TARGET),
        for_seconds=MINUTE,
        keep_seconds=5 * MINUTE,
        by=CHATS,
    )


def _stalled() -> Alert:
    stalls = Scraped(own.STALL, each=f"increase(SERIES[{STALLED.window}])")
    held = stalls.count(CHATS)
    long = f"{held} - {stalls.within(STALL_SECONDS, CHATS)}"
    return Alert(
        "LLMStreamStalled",
        f"(\n  {long}\n)\n/\n({held} > 0)\n> {STALLED.above}\nand on ({_BY_CHATS})\n(\n  {long}\n) > {STALLED.nearly_fewest}",
        Severity.TICKET,
        f"Answers of {NAME} stop in the middle",
        f"{PERCENT} of the chats with {WHO} in {STALLED.window} fell silent for more than {STALL_SECONDS}s after their first token ({SCENARIO}).",
        link(Dashboard.LATENCY, *CHATS),
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=CHATS,
    )


def _gathered() -> Alert:
    gathered = increase(own.GATHERED.name, GATHERED.window_seconds)
    return Alert(
        "LLMStreamGathered",
        f"{gathered}\n/\n({increase(own.PROBES.name, GATHERED.window_seconds)} > 0)\n> {GATHERED.above}\n"
        f"and on ({_BY_CHATS})\n{gathered} > {GATHERED.nearly_fewest}",
        Severity.TICKET,
        f"Something on the way to {NAME} gathers its tokens",
        f"{PERCENT} of the chats with {WHO} in {GATHERED.window} had their tokens several at once, and then none for a while "
        f"({SCENARIO}): a router, a proxy or a gateway on the way holds them back. Until it hands them on as they come, "
        "times of tokens say how it gathers, and not how fast the engine is." + WHERE,
        link(Dashboard.WHY, *TARGET),
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=CHATS,
    )


def _no_completion() -> Alert:
    """Chats with a first token, less those that ended well, and those that ended, but whose answer failed its check. TTFT is no measure of the
    first, as chats that timed out without a token are in it."""
    begun, ended = (
        Scraped(metric, (matcher,), each=f"increase(SERIES[{BROKEN_OFF.window}])").count(CHATS)
        for metric, matcher in ((own.PHASE_SECONDS, f'{own.PHASE}="wait"'), (own.E2E, f'{own.OUTCOME}="ok"'))
    )
    wrong = f'{own.PROBE_FAILURES.name}{{{own.REASON}="validation"}}'
    broke = f"{begun} - {ended} - {increase(wrong, BROKEN_OFF.window_seconds)}"
    return Alert(
        "LLMFirstTokenButNoCompletion",
        f"(\n  {broke}\n)\n/\n({begun} > 0)\n> {BROKEN_OFF.above}\nand on ({_BY_CHATS})\n(\n  {broke}\n) > {BROKEN_OFF.nearly_fewest}",
        Severity.TICKET,
        f"Answers of {NAME} begin and do not end",
        f"{PERCENT} of the chats with {WHO} that had a first token in the last {BROKEN_OFF.window} did not come to their end "
        f"({SCENARIO})."
        + reasons(BROKEN_OFF.window, OF_CHATS, _AFTER_A_TOKEN)
        + last_words(BROKEN_OFF.window_seconds, OF_CHATS)
        + " If that does not say why: a router or proxy that cuts long streams looks like this."
        + SHOWN
        + WHERE,
        link(Dashboard.LATENCY, *CHATS),
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=CHATS,
    )


def _regression() -> Alert:
    now, then = TTFT_P95_1H.name, f"{TTFT_P95_1H.name} offset 1w"
    count = TTFT_COUNT_1H.name
    return Alert(
        "LLMTTFTRegression",
        f"{now} / ({then} > 0) > 1.5\nand {now} - {then} > 0.1\nand {count} >= {FEWEST_CHATS}\nand {count} offset 1w >= {FEWEST_CHATS}",
        Severity.INFO,
        f"{NAME} is slower to answer than a week ago",
        f"The 95th percentile of the time to first token of {WHO} in 1h is {NUMBER} times that of the same hour last week ({SCENARIO}).",
        link(Dashboard.LATENCY, *CHATS),
        for_seconds=30 * MINUTE,
        looks_back_seconds=WEEK + HOUR,
        by=CHATS,
    )


CERTIFICATE_DAYS = {"LLMCertificateExpiry": 14, "LLMCertificateExpiresSoon": 2}
"""How many days before its end each alert on a certificate holds: a ticket first, and a page at last."""


def _expiries() -> Iterator[Alert]:
    for severity, (name, days) in zip((Severity.TICKET, Severity.PAGE), CERTIFICATE_DAYS.items(), strict=True):
        yield _expiry(name, severity, days)


def _expiry(name: str, severity: Severity, days: int) -> Alert:
    return Alert(
        name,
        f"min by ({_BY_TARGET}) ({own.CERTIFICATE_EXPIRY.name} - time()) < {days} * {DAY}",
        severity,
        f"The certificate of {NAME} ends soon, or has ended",
        f"The certificate that {WHO} shows {{{{ if gt $value 0.0 }}}}ends in {DURATION}. From then on clients refuse it."
        "{{ else }}has ended: clients refuse it.{{ end }}",
        link(Dashboard.OVERVIEW, *TARGET),
        for_seconds=HOUR if severity is Severity.TICKET else 5 * MINUTE,
        by=TARGET,
    )


ALERTS = (
    _down(),
    _model_missing(),
    _model_load_failed(),
    _model_not_loaded(),
    _loads_model(),
    _stalled(),
    _gathered(),
    _no_completion(),
    _regression(),
    *_expiries(),
)
