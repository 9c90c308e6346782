"""Pieces of what an alert says: Prometheus templates, filled in when it fires. `Alert.summary` and the like are made of them."""

from __future__ import annotations

from catalogue import metric, own
from catalogue.engines import ENGINES
from catalogue.uids import Dashboard


def label(name: str) -> str:
    """The value of one of the alert's labels."""
    return f"{{{{ $labels.{name} }}}}"


NAME, MODEL, SCENARIO = label(metric.TARGET), label(metric.MODEL), label(own.SCENARIO)
PEER, MEASURE, REASON, SOURCE, INSTANCE = (
    label(own.PEER),
    label(own.MEASURE),
    label(own.REASON),
    label(own.SOURCE),
    label("instance"),
)
JOB = label("job")
WHO = f"{NAME} ({MODEL})"
NUMBER, COUNT = "{{ $value | humanize }}", "{{ $value | printf `%.0f` }}"
PERCENT, DURATION = "{{ $value | humanizePercentage }}", "{{ $value | humanizeDuration }}"
"""The value of the expression, as a number, a whole number, a share, or seconds."""
COUNT_OF_SERIES, DURATION_OF_SERIES = "{{ .Value | printf `%.0f` }}", "{{ .Value | humanizeDuration }}"
"""The value of a series that a query found (see `asked`), as a whole number or as seconds."""


def link(dashboard: Dashboard, *labels: str) -> str:
    """The path of a dashboard with its variables set to the alert's own labels."""
    chosen = "&".join(f"var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in labels)
    return f"/d/{dashboard}" + (f"?{chosen}" if chosen else "")


OF_TARGET = ("job", metric.TARGET)
OF_CHATS = (*OF_TARGET, own.SCENARIO)
_PLACE = "SELECT"


def asked(query: str, says: str, labels: tuple[str, ...]) -> str:
    """What is said of each series that a query finds: nothing where it finds none.

    Prometheus is asked at each evaluation of an alert that is pending or fires. `SELECT` in the query stands for matchers with the alert's own
    values of these labels. In `says`, `.Value` and `.Labels` are those of the series.
    """
    matchers = ",".join(f"{name}=%q" for name in labels)
    values = " ".join(f"$labels.{name}" for _ in range(query.count(_PLACE)) for name in labels)
    return f"{{{{ range printf `{query.replace(_PLACE, matchers)}` {values} | query }}}}{says}{{{{ end }}}}"


REFUSALS = "auth|model_missing|rejected"
"""Reasons by which an engine refuses what one scenario asks, while it may serve the others."""
_HARDLY = "1e-6 * "
"""What is multiplied by this stands behind all that is not."""


def reasons(window: str, labels: tuple[str, ...] = OF_TARGET, among: str = "", rather_than: str = "") -> str:
    """A space and a sentence with the most frequent reason of failures in a window, if there are any, by these labels of the alert.

    `among` is a regular expression of the reasons that count: all where it is left out. Those that `rather_than` matches count only if there are
    no others.
    """

    def failed(more: str) -> str:
        return f"sum by ({own.REASON}) (increase({own.PROBE_FAILURES.name}{{{_PLACE}{more}}}[{window}]))"

    found = f"{failed(_like(among))} > 0"
    if rather_than:
        found = f"{failed(_unlike(rather_than))} > 0 or {_HARDLY}{found}"
    return asked(f"topk(1, {found})", f" The most frequent failure in {window}: {{{{ .Labels.{own.REASON} }}}}.", labels)


def last_words(seconds: int, labels: tuple[str, ...] = OF_TARGET, among: str = "", rather_than: str = "") -> str:
    """A space and a sentence with what was said of the last failed chat, if it is no older than that. For the others see `reasons`."""

    def late(more: str) -> str:
        return f"{own.LAST_FAILURE.name}{{{_PLACE}{more}}} > time() - {seconds}"

    found = late(_like(among))
    if rather_than:
        found = f"{late(_unlike(rather_than))} or {_HARDLY}({found})"
    return asked(f"topk(1, {found})", f" The last failure: {{{{ .Labels.{own.REASON} }}}}, {{{{ .Labels.{own.DETAIL} }}}}.", labels)


def _like(reasons: str) -> str:
    return f',{own.REASON}=~"{reasons}"' if reasons else ""


def _unlike(reasons: str) -> str:
    return f',{own.REASON}!~"{reasons}"'


SHOWN = (
    "".join(
        f'{{{{ {"if" if first else "else if"} eq $labels.{metric.BACKEND} "{engine.name}" }}}} {engine.title} shows a chat in {engine.trail.words()}.'
        for first, engine in ((engine is ENGINES[0], engine) for engine in ENGINES)
    )
    + "{{ end }}"
)
"""A space and a sentence with where the engine of the alert's labels shows a single chat."""

WHERE = asked(f"count by ({own.URL}) ({own.TARGET_INFO.name}{{{_PLACE}}})", f" The engine: {{{{ .Labels.{own.URL} }}}}.", OF_TARGET)
"""A space and a sentence with the engine's URL."""
