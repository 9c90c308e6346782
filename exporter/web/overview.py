"""The page at `/`: each target and scenario, and what last became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape

from exporter.urls import shown_url
from probes.ask import UNKNOWN_MODEL
from probes.failure import Failure
from probes.record import ChatRecord
from traffic.breaker import served
from traffic.events import Breaker, Event, Facts, Skip
from traffic.roster import Roster

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chatprobe</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 96rem; padding: 0 1rem; color: #1a1a1a; background: #fff }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #ccc; padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top }}
p, td {{ overflow-wrap: anywhere }}
td {{ min-width: 6rem }}
td.outcome {{ min-width: 9rem }}
td.engine {{ min-width: 13rem }}
td.number + .engine, th.number + th:not(.number) {{ padding-left: .8rem }}
td.number {{ font-variant-numeric: tabular-nums; white-space: nowrap; min-width: 0; text-align: right }}
th {{ white-space: nowrap }}
th.number {{ text-align: right }}
.ok {{ color: #166534 }}
.failed {{ color: #991b1b }}
</style>
</head>
<body>
<h1>chatprobe</h1>
<p>{state}</p>
{troubles}
{table}
<p><a href="/metrics">Metrics</a> · <a href="/config">Configuration</a> · <a href="/-/healthy">Health</a> · <a href="/-/ready">Readiness</a></p>
</body>
</html>
"""


_TABLE = """\
<div class="wide" tabindex="0" role="region" aria-label="Targets">
<table>
<thead>
<tr><th>Target</th><th>Scenario</th><th>Last outcome</th><th class="number">TTFT</th><th class="number">Whole chat</th>\
<th class="number">At (UTC)</th><th>Model</th><th>Engine</th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table>
</div>"""
TROUBLE_LINES = 10
"""Of what is wrong, so many lines are shown. The log has all."""


class Overview:
    """A sink that remembers the last event of each target and scenario, and why chats with a target are held back.

    It shows them.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._models: dict[str, str] = {}
        self._loading_since: dict[str, float | None] = {}
        self._loading: dict[str, str] = {}
        self._broken: set[str] = set()
        self._why: dict[tuple[str, str], Failure] = {}
        self._last_failing: dict[str, str] = {}
        self._failing: set[tuple[str, str]] = set()
        self._last: dict[tuple[str, str], ChatRecord | Skip] = {}

    def show(self, roster: Roster) -> None:
        """Show these targets and scenarios from now on. What is known of others is forgotten."""
        self._roster = roster
        self._models = {name: model for name, model in self._models.items() if name in roster.members}
        self._loading_since = {name: since for name, since in self._loading_since.items() if name in roster.members}
        self._loading = {name: cause for name, cause in self._loading.items() if name in roster.members}
        self._broken &= roster.members.keys()
        shown = {(name, scenario) for scenario, settings in roster.config.scenarios.items() for name in roster.of(settings)}
        self._failing &= shown
        self._why = {key: failure for key, failure in self._why.items() if key in shown}
        self._last_failing = {name: scenario for name, scenario in self._last_failing.items() if (name, scenario) in shown}
        self._last = {key: event for key, event in self._last.items() if key in shown}

    def __call__(self, event: Event) -> None:
        match event:
            case Facts():
                self._models[event.target] = event.model
                self._loading_since[event.target] = event.loading_since
                self._loading.pop(event.target, None)
                if event.held_back is not None:
                    self._loading[event.target] = event.held_back
            case Breaker(target=target):
                (self._broken.add if event.open else self._broken.discard)(target)
            case ChatRecord() if event.outcome == "cancelled":
                pass
            case ChatRecord():
                self._ended(event)
            case Skip():
                self._last[event.target, event.scenario] = event

    def _ended(self, chat: ChatRecord) -> None:
        key = chat.target, chat.scenario
        self._last[key] = chat
        (self._failing.discard if chat.failure is None else self._failing.add)(key)
        serves = served(chat)
        if serves:
            self._why.pop(key, None)
        elif serves is False and chat.failure is not None:
            self._why[key] = chat.failure
            self._last_failing[chat.target] = chat.scenario

    def html(self, not_ready: str | None, troubles: Iterable[str] = ()) -> str:
        """The page.

        `not_ready` says why nothing is probed, None if something is. `troubles` are what of the configuration is not in
        force.
        """
        state = "Probing" if not_ready is None else f"Not probing: {escape(not_ready)}"
        rows = "\n".join(self._rows())
        nobody = "No scenario is for any target." if self._roster.members else "No targets."
        return _PAGE.format(
            state=f"{state}. {self._summary()}",
            troubles="\n".join(map(_trouble, troubles)),
            table=_TABLE.format(rows=rows) if rows else f"<p>{nobody}</p>",
        )

    def _summary(self) -> str:
        count = len(self._roster.members)
        failing = len({name for name, _ in self._failing})
        return f"{count} target{'' if count == 1 else 's'}, {failing} failing, {len(self._broken)} with an open breaker."

    def _rows(self) -> Iterator[str]:
        for scenario, settings in self._roster.config.scenarios.items():
            for name in self._roster.of(settings):
                endpoint = self._roster.members[name].endpoint
                engine = f"{endpoint.backend}<br><small>{escape(shown_url(endpoint.url))}</small>"
                model = self._models.get(name) or endpoint.model or UNKNOWN_MODEL
                yield (
                    f"<tr><td>{escape(name)}{self._held_back(name, scenario)}{self._loads(name)}</td><td>{escape(scenario)}</td>"
                    f'{_last(self._last.get((name, scenario)))}<td class="engine">{escape(model)}</td><td class="engine">{engine}</td></tr>'
                )

    def _loads(self, target: str) -> str:
        since = self._loading_since.get(target)
        return "" if since is None else f"<br><small>loading the model since {_time(since)}</small>"

    def _held_back(self, target: str, scenario: str) -> str:
        """Why chats are held back, and by which scenario's own chats; by those of another where these tell nothing."""
        if target in self._loading:
            return f'<br><small class="failed">held back: {escape(self._loading[target])}</small>'
        if target not in self._broken:
            return ""
        other = self._last_failing.get(target, scenario)
        failure, whose = self._why.get((target, scenario)), ""
        if failure is None:
            failure, whose = self._why.get((target, other)), f" by chats of {escape(other)}"
        why = "" if failure is None else f"{whose}: {failure.reason}<br>{escape(failure.detail)}"
        return f'<br><small class="failed">breaker open{why}</small>'


def _trouble(text: str) -> str:
    lines = text.splitlines()
    more = [f"and {len(lines) - TROUBLE_LINES} more"] if len(lines) > TROUBLE_LINES else []
    return f'<p class="failed">{"<br>".join(map(escape, [*lines[:TROUBLE_LINES], *more]))}</p>'


def _last(event: ChatRecord | Skip | None) -> str:
    """The cells of the outcome, of TTFT, of the whole chat and of the time."""
    kind = ttft = whole = at = ""
    match event:
        case None:
            outcome = "none yet"
        case Skip():
            outcome, at = f"skipped: {event.reason}", _time(event.at)
        case ChatRecord():
            kind = f" {event.outcome}"
            outcome = "ok" if event.failure is None else f"failed: {event.failure.reason}<br><small>{escape(event.failure.detail)}</small>"
            ttft = "" if event.ttft_seconds is None else f"{event.ttft_seconds * 1000:.1f} ms"
            whole, at = f"{event.e2e_seconds:.3f} s", _time(event.started_at)
    return f'<td class="outcome{kind}">{outcome}</td>' + "".join(f'<td class="number">{cell}</td>' for cell in (ttft, whole, at))


def _time(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
