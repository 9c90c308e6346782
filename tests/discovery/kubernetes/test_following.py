"""When the objects of one kind are listed and watched, and how long nothing is asked for in between: by a clock that the test moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.kubernetes import Kubernetes
from discovery.kubernetes.api import FORBIDDEN_SECONDS, READ_SECONDS, SILENCE_SECONDS, Api
from discovery.kubernetes.following import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, RESYNC_SECONDS, Following
from discovery.kubernetes.kinds import GATEWAYS, HTTP_ROUTES, INFERENCE_SERVICES, INGRESSES, NODES, ROUTES, SERVICES, SLICES, Kind
from tests.cluster import objects as o
from tests.cluster.api import Cluster
from tests.cluster.objects import NAMESPACE
from tests.waiting import PATIENCE_SECONDS


class HandClock:
    """Stands still until the test moves it. `pause` is how long the thread waits now; None while it does not."""

    def __init__(self) -> None:
        self._now = 0.0
        self._moved = threading.Condition()
        self.pause: float | None = None

    def monotonic(self) -> float:
        return self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        until = self._now + seconds
        with self._moved:
            self.pause = seconds if seconds > 0 else None
            while self._now < until and not event.is_set():
                self._moved.wait(0.01)  # nobody tells of the event
            self.pause = None
        return event.is_set()

    def advance(self, seconds: float) -> None:
        with self._moved:
            self._now += seconds
            self.pause = None
            self._moved.notify_all()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextmanager
def following(kubeconfig: Path, clock: HandClock, kind: Kind = SERVICES) -> Iterator[Following]:
    api = Api(Kubernetes.model_validate({"namespaces": (NAMESPACE,), "kubeconfig": str(kubeconfig)}))
    one = Following(api, kind, NAMESPACE if kind.namespaced else None, "", lambda: None, clock)
    one.start()
    try:
        yield one
    finally:
        one.stop()
        one.join(PATIENCE_SECONDS)
        api.close()


def asked(cluster: Cluster, verb: str) -> int:
    return sum(one.verb == verb for one in cluster.asked)


def paused(clock: HandClock) -> float:
    """How long the thread waits, once it does."""
    until(lambda: clock.pause is not None)
    pause = clock.pause
    assert pause is not None
    return pause


def test_all_is_listed_again_after_a_while_and_not_before(cluster: Cluster, kubeconfig: Path) -> None:
    cluster.put(o.service("kept"), o.service("gone"))
    clock = HandClock()
    with following(kubeconfig, clock) as one:
        until(lambda: set(one.view().objects) == {"kept", "gone"} and cluster.watches == 1)
        del cluster.kinds["", "services"][NAMESPACE, "gone"]  # and no watch tells of it
        clock.advance(RESYNC_SECONDS * 0.8)
        cluster.end_watches()
        until(lambda: asked(cluster, "watch") == 2)
        assert (asked(cluster, "list"), set(one.view().objects)) == (1, {"kept", "gone"})
        clock.advance(RESYNC_SECONDS * 0.4)
        cluster.end_watches()
        until(lambda: set(one.view().objects) == {"kept"})
    assert asked(cluster, "list") == 2


def test_a_watch_ends_before_its_silence_would(cluster: Cluster, kubeconfig: Path) -> None:
    """Of a quiet kind some API servers send nothing before the end: the next watch goes on from there, and nothing is listed."""
    clock = HandClock()
    with following(kubeconfig, clock):
        until(lambda: cluster.watches == 1)
        clock.advance(60)
        cluster.end_watches()
        until(lambda: asked(cluster, "watch") == 2)
    lasts = [one.lasts_seconds for one in cluster.asked if one.verb == "watch"]
    assert all(seconds is not None and seconds <= SILENCE_SECONDS - READ_SECONDS for seconds in lasts), lasts
    assert asked(cluster, "list") == 1


def test_who_does_not_answer_is_asked_more_and_more_seldom(cluster: Cluster, kubeconfig: Path) -> None:
    cluster.fail("broken", "services")
    clock = HandClock()
    pauses: list[float] = []
    with following(kubeconfig, clock) as one:
        while len(pauses) < 8:
            pauses.append(paused(clock))
            if len(pauses) == 8:
                cluster.fail(None, "services")
            clock.advance(pauses[-1])
        until(lambda: one.view().listed and one.view().problem is None)
    expected = [min(FIRST_PAUSE_SECONDS * 2**number, LONGEST_PAUSE_SECONDS) for number in range(8)]
    assert [pause / wanted for pause, wanted in zip(pauses, expected, strict=True)] == pytest.approx([1.0] * 8, abs=0.2)


def test_a_missing_right_is_told_only_if_it_stays(cluster: Cluster, kubeconfig: Path) -> None:
    """An API server that has just started refuses whatever it has no roles for yet."""
    cluster.put(o.service("vllm"))
    cluster.fail("forbidden", "services")
    clock = HandClock()
    with following(kubeconfig, clock) as one:
        for left in (2, 1, 0):
            pause = paused(clock)
            assert (pause == pytest.approx(FIRST_PAUSE_SECONDS, rel=0.2), one.view().problem) == (True, None)
            if left == 0:
                cluster.fail(None, "services")
            clock.advance(pause)
        until(lambda: set(one.view().objects) == {"vllm"} and cluster.watches == 1)
        clock.advance(FORBIDDEN_SECONDS)
        cluster.fail("forbidden", "services")
        began = clock.monotonic()
        while one.view().problem is None:
            clock.advance(paused(clock))
        assert clock.monotonic() >= began + FORBIDDEN_SECONDS, "what was refused before counts no more"
        assert one.view().problem == f"no right to services in namespace {NAMESPACE} (403); grant it by a role"


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        *((kind, "; grant it by a role") for kind in (SERVICES, SLICES, INFERENCE_SERVICES)),
        *(
            (kind, "; grant it by a role, or leave its way out of discovery.kubernetes.prefer")
            for kind in (ROUTES, INGRESSES, HTTP_ROUTES, GATEWAYS, NODES)
        ),
    ],
    ids=lambda one: one.plural if isinstance(one, Kind) else "",
)
def test_only_kinds_that_ways_need_can_be_done_without(cluster: Cluster, kubeconfig: Path, kind: Kind, remedy: str) -> None:
    cluster.groups.add(kind.group)
    cluster.fail("forbidden", kind.plural)
    clock = HandClock()
    with following(kubeconfig, clock, kind) as one:
        paused(clock)
        clock.advance(FORBIDDEN_SECONDS)
        until(lambda: one.view().problem is not None)
        assert (one.view().problem or "").partition(" (403)")[2] == remedy


def test_a_version_that_is_too_old_once_is_no_problem_and_again_and_again_it_is(cluster: Cluster, kubeconfig: Path) -> None:
    clock = HandClock()
    with following(kubeconfig, clock) as one:
        until(lambda: cluster.watches == 1)
        cluster.fail("gone", "services")
        pause = paused(clock)
        assert (pause < FIRST_PAUSE_SECONDS, one.view().problem) == (True, None)
        while one.view().problem is None:
            clock.advance(paused(clock))
        assert one.view().problem == "the version is too old (410), again and again; look at the health of the API server"


def test_a_kind_that_the_cluster_does_not_have_is_asked_for_as_often_as_all_is_listed(cluster: Cluster, kubeconfig: Path) -> None:
    clock = HandClock()
    with following(kubeconfig, clock, ROUTES) as one:
        pause = paused(clock)
        assert pause / RESYNC_SECONDS == pytest.approx(1.0, abs=0.2)
        assert (one.view().listed, one.view().problem) == (True, None)
        cluster.put(o.route("vllm", "vllm"))
        clock.advance(pause)
        until(lambda: set(one.view().objects) == {"vllm"})


def test_a_server_that_ends_each_watch_at_once_is_not_asked_without_a_pause(cluster: Cluster, kubeconfig: Path) -> None:
    clock = HandClock()
    with following(kubeconfig, clock):
        for number in range(1, 4):
            until(lambda number=number: (asked(cluster, "watch"), cluster.watches) == (number, 1))  # type: ignore[misc]
            cluster.end_watches()
            assert paused(clock) == FIRST_PAUSE_SECONDS
            clock.advance(FIRST_PAUSE_SECONDS)


def test_it_ends_in_the_middle_of_a_pause(cluster: Cluster, kubeconfig: Path) -> None:
    cluster.fail("broken", "services")
    clock = HandClock()
    with following(kubeconfig, clock) as one:
        paused(clock)
        one.stop()
        one.join(PATIENCE_SECONDS)
        assert not [thread for thread in threading.enumerate() if thread.name == f"watch services {NAMESPACE}"]
