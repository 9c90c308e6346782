"""Where requests queue: how many run and wait in each engine as the load grows, and how long they wait, by its own account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from plotly.graph_objects import Figure

from bench.engine_side.case import Case
from bench.engine_side.phases import split
from bench.report.chart import Chart, Missing, Table
from bench.report.lines import categories, grouped
from bench.report.loads import Place, places
from bench.report.panels import Panel, axes, framed
from bench.report.scale import scale_of
from bench.report.seen import Seen
from bench.summary.words import percent, quantity
from catalogue.look.inks import ink
from probes.wording import listed

NAME, TITLE = "queue", "Requests that run and wait"
_READING = (
    "By the engines' own metrics, looked at again and again through the measured time of each level. First panel: requests that ran, and above "
    "them, paler, those that waited. Second panel: how long a request stood in the queue before the engine began with it, which is a part of the "
    "wait for its first token."
)
_REQUESTS, _SECONDS = 1, 2


@dataclass(frozen=True, slots=True)
class Queue:
    """One engine at one level. None for what it does not tell."""

    target: str
    level: str
    label: str
    running: float | None
    waiting: float | None
    most: float | None
    queue_seconds: float | None
    ttft_seconds: float | None

    @property
    def told(self) -> bool:
        return self.waiting is not None or self.queue_seconds is not None


def chart(seen: Seen) -> Chart | Missing:
    """Bars for each level and engine."""
    across, every = places(seen)
    found = [
        queue for place in every if (case := seen.cases.get((place.target.target, place.level))) is not None and (queue := _queue(case, place)).told
    ]
    if not found:
        return Missing(NAME, TITLE, "no engine told of its requests: it has no metrics of its own, or they could not be read")
    silent = [target for target in seen.backends if all(queue.target != target for queue in found)]
    return Chart(NAME, TITLE, " ".join(_sentences(found, silent)), _drawn(seen, found, across), _table(found, across), _READING)


def _drawn(seen: Seen, found: Sequence[Queue], title: str) -> Figure:
    scale = scale_of((queue.queue_seconds or 0.0 for queue in found), logarithmic=False)
    labels = list(dict.fromkeys(queue.label for queue in found))
    across = categories(labels)
    figure = framed(
        [
            Panel("Requests in the engine, mean of its looks", title, xaxis=across, yaxis={"rangemode": "tozero"}),
            Panel(f"Time in the queue, mean ({scale.unit})", title, xaxis=across, yaxis={"rangemode": "tozero"}),
        ],
        columns=2,
    )
    for target in dict.fromkeys(queue.target for queue in found):
        mine, mark = [queue for queue in found if queue.target == target], seen.marks[target]
        x = [queue.label for queue in mine]
        common = {"x": x, "offsetgroup": target, "legendgroup": target, "hovertemplate": "%{text}<extra></extra>", "textposition": "none"}
        hatch = {"fillmode": "overlay", "fgcolor": ink("surface").light, "size": 5, "solidity": 0.4}
        figure.add_bar(
            y=[queue.running for queue in mine],
            name=target,
            text=[_requests(queue) for queue in mine],
            marker={"color": mark.colour, "pattern": {"shape": mark.pattern, **hatch}},
            **common,
            **axes(_REQUESTS),
        )
        figure.add_bar(
            y=[queue.waiting for queue in mine],
            base=[queue.running or 0.0 for queue in mine],
            name=target,
            showlegend=False,
            text=[_requests(queue) for queue in mine],
            marker={
                "color": mark.faint("66"),
                "line": {"color": mark.colour, "width": 1},
                "pattern": {"shape": mark.pattern, **hatch},
            },
            **common,
            **axes(_REQUESTS),
        )
        figure.add_bar(
            y=[None if queue.queue_seconds is None else scale.of(queue.queue_seconds) for queue in mine],
            name=target,
            showlegend=False,
            marker={"color": mark.colour, "pattern": {"shape": mark.pattern, **hatch}},
            text=[_waited(queue) for queue in mine],
            **common,
            **axes(_SECONDS),
        )
    grouped(figure, len(labels), len({one.target for one in found}))
    return figure


def _queue(case: Case, place: Place) -> Queue:
    running, waiting = ([value for look in case.looks if (value := getattr(look, name)) is not None] for name in ("running", "waiting"))
    both = [look.running + (look.waiting or 0.0) for look in case.looks if look.running is not None]
    told = split(case)
    queue = None if told is None or told.queue is None else told.queue.mean_seconds
    ttft = None if told is None else told.ttft_seconds
    return Queue(
        target=case.target,
        level=place.said,
        label=place.label,
        running=fmean(running) if running else None,
        waiting=fmean(waiting) if waiting else None,
        most=max(both) if both else None,
        queue_seconds=queue,
        ttft_seconds=ttft,
    )


def _requests(queue: Queue) -> str:
    waiting = "not told" if queue.waiting is None else f"{queue.waiting:.3g}"
    running = "not told" if queue.running is None else f"{queue.running:.3g}"
    return (
        f"{queue.target}, {queue.level}<br>running {running}, waiting {waiting}, at most {'not told' if queue.most is None else f'{queue.most:.3g}'}"
    )


def _waited(queue: Queue) -> str:
    return f"{queue.target}, {queue.level}<br>in the queue: {_cell(queue)}"


def _cell(queue: Queue) -> str:
    if queue.queue_seconds is None:
        return "not told"
    share = f" ({percent(min(1.0, queue.queue_seconds / queue.ttft_seconds))} of TTFT)" if queue.ttft_seconds else ""
    return f"{quantity(queue.queue_seconds, 's')}{share}"


def _sentences(found: Sequence[Queue], silent: Sequence[str]) -> Iterator[str]:
    heaviest: Mapping[str, Queue] = {queue.target: queue for queue in found}
    for queue in heaviest.values():
        waiting = (
            [] if queue.waiting is None else [f"{queue.waiting:.3g} {'request' if queue.waiting == 1 else 'requests'} waited at once on average"]
        )
        seconds = [] if queue.queue_seconds is None else [f"each stood {_cell(queue)} in the queue"]
        yield f"In {queue.target}, at {queue.level}, {listed([*waiting, *seconds])}."
    if silent:
        yield f"Of {listed(silent)} nothing is known here."


def _table(found: Sequence[Queue], title: str) -> Table:
    rows = [
        (
            queue.label,
            queue.target,
            *("not told" if value is None else f"{value:.3g}" for value in (queue.running, queue.waiting, queue.most)),
            _cell(queue),
        )
        for queue in found
    ]
    return Table((title.capitalize(), "Engine", "Running", "Waiting", "Most at once", "In the queue"), tuple(rows))
