"""One cluster: all kinds of objects that are followed in it, and how well that goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from config.kubernetes import Kubernetes
from discovery.kubernetes.api import Api
from discovery.kubernetes.following import MOST_OBJECTS, MOST_PARTS, Following, View
from discovery.kubernetes.kinds import watched
from discovery.kubernetes.snapshot import Snapshot, snapshot

JOIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the cluster.

    `complete` is whether each kind was listed once, or could not be. `known` is whether any kind ever was.
    `problems` are what may be out of date, and why. `flooded` is of what there is too much.
    """

    snapshot: Snapshot
    complete: bool
    known: bool
    problems: tuple[str, ...]
    flooded: tuple[str, ...]


class Cluster:
    """Follows every kind that the settings need, in every namespace that they name, and in no other."""

    def __init__(self, settings: Kubernetes, changed: Callable[[], None]) -> None:
        """`changed` is called in other threads. Raises `ApiError` where no cluster is to be found."""
        self._api = Api(settings)
        self._following = [Following(self._api, kind, namespace, settings.selector, changed) for kind, namespace in watched(settings)]
        self._last: tuple[tuple[View, ...], State] | None = None

    def start(self) -> None:
        """Begin to list and to watch."""
        for one in self._following:
            one.start()

    def state(self) -> State:
        """What is known now. Blocks. Where nothing has changed, it is the same object as the time before."""
        views = [(one, one.view()) for one in self._following]
        seen = tuple(replace(view, objects={}) for _, view in views)
        if self._last is None or self._last[0] != seen:
            self._last = seen, self._put_in_order(views)
        return self._last[1]

    def _put_in_order(self, views: Sequence[tuple[Following, View]]) -> State:
        return State(
            snapshot(found for _, view in views for found in view.objects.values()),
            complete=all(view.listed or view.problem is not None for _, view in views),
            known=any(view.listed for _, view in views),
            problems=_each_once(f"{one.where}: {view.problem}" for one, view in views if view.problem is not None),
            flooded=tuple(
                f"{one.where}: there are more than {MOST_OBJECTS}, or more than {MOST_PARTS} things in them; those that were known stay, "
                "and of the others no more are looked at"
                for one, view in views
                if view.flooded
            ),
        )

    def close(self) -> None:
        """Blocks for a moment at most. What still waits for an answer ends by itself."""
        for one in self._following:
            one.stop()
        for one in self._following:
            one.join(JOIN_SECONDS / len(self._following))
        self._api.close()


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    """A line for each problem, with the first few places that have it.

    Where an API server is down, all places have the same problem.
    """
    told: dict[str, list[str]] = {}
    for text in texts:
        where, _, problem = text.partition(": ")
        told.setdefault(problem, []).append(where)
    return tuple(f"{', '.join(wheres[:3])}{f' and {len(wheres) - 3} more' if len(wheres) > 3 else ''}: {problem}" for problem, wheres in told.items())
