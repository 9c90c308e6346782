"""A lease that several fight for: one has it at any time, and whoever loses it stops before another begins."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.kubernetes import Kubernetes
from discovery.kubernetes.api import Api
from discovery.kubernetes.fields import Json
from discovery.kubernetes.lease import Lease, LeaseName, Terms, own_identity, read_lease_name
from discovery.kubernetes.rbac import LEASE
from tests.cluster.api import Cluster

NAME = LeaseName("monitoring", "chatprobe")
QUICK = Terms(lease_seconds=3, deadline_seconds=2.0, renew_seconds=0.2)
PATIENCE_SECONDS = 20
CONTENDER = """
import asyncio, sys, time
from config.kubernetes import Kubernetes
from discovery.kubernetes.api import Api
from discovery.kubernetes.lease import Lease, LeaseName, Terms

async def main(kubeconfig, identity):
    settings = Kubernetes.model_validate({"namespaces": ["monitoring"], "kubeconfig": kubeconfig})
    lease = Lease(Api(settings), LeaseName("monitoring", "chatprobe"), identity, Terms(3, 2.0, 0.2))
    async def changed():
        print(f"STATE {time.monotonic():.6f} {identity} {'leads' if lease.leads else 'follows'}", flush=True)
    await lease.run(changed)

asyncio.run(main(*sys.argv[1:]))
"""


def api(kubeconfig: Path) -> Api:
    return Api(Kubernetes.model_validate({"namespaces": ("monitoring",), "kubeconfig": str(kubeconfig)}))


def lease(kubeconfig: Path, identity: str = "me", terms: Terms = QUICK) -> Lease:
    return Lease(api(kubeconfig), NAME, identity, terms)


def spec(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.kinds["coordination.k8s.io", "leases"]["monitoring", "chatprobe"]["spec"]
    return found


class Told:
    """Keeps what a lease tells, and waits for it."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.states: list[bool] = []

    async def __call__(self) -> None:
        self.states.append(self.lease.leads)

    async def until(self, *states: bool) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if tuple(self.states[-len(states) :]) == states:
                    return
                await asyncio.sleep(0.02)


async def test_who_comes_first_has_it_and_who_comes_later_waits(cluster: Cluster, kubeconfig: Path) -> None:
    first, second = lease(kubeconfig, "first"), lease(kubeconfig, "second")
    told_first, told_second = Told(first), Told(second)
    running = [asyncio.create_task(first.run(told_first))]
    await told_first.until(True)
    running.append(asyncio.create_task(second.run(told_second)))
    await asyncio.sleep(1.5)
    assert (told_first.states, told_second.states) == ([True], [])
    assert (spec(cluster)["holderIdentity"], spec(cluster)["leaseTransitions"]) == ("first", 0)
    running[0].cancel()
    await asyncio.gather(running[0], return_exceptions=True)
    await first.release()
    released = time.monotonic()
    await told_second.until(True)
    assert time.monotonic() - released < QUICK.lease_seconds / 2, "what was released need not run out"
    assert (spec(cluster)["holderIdentity"], spec(cluster)["leaseTransitions"]) == ("second", 1)
    running[1].cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_nothing_is_asked_for_beyond_the_rights_that_are_listed(cluster: Cluster, kubeconfig: Path) -> None:
    one = lease(kubeconfig)
    running = asyncio.create_task(one.run(Told(one)))
    await asyncio.sleep(0.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await one.release()
    assert cluster.verbs() == {(right.group, right.resource, verb) for right in LEASE for verb in right.verbs}


@pytest.mark.parametrize("fault", ["broken", "forbidden", "hang"])
async def test_who_cannot_renew_it_stops_before_another_may_take_it(
    cluster: Cluster, kubeconfig: Path, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("discovery.kubernetes.api.READ_SECONDS", 6.0)
    one = lease(kubeconfig)
    told = Told(one)
    running = asyncio.create_task(one.run(told))
    await told.until(True)
    failing = time.monotonic()
    cluster.fail(fault, "leases")
    await told.until(True, False)
    assert time.monotonic() - failing < QUICK.lease_seconds, "although it hangs, it is noticed in time"
    cluster.fail(None, "leases")
    await told.until(True, False, True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_is_told_may_hang_and_the_lease_is_kept_all_the_same(cluster: Cluster, kubeconfig: Path) -> None:
    one = lease(kubeconfig)
    told = asyncio.Event()

    async def hang() -> None:
        told.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(one.run(hang))
    await asyncio.wait_for(told.wait(), PATIENCE_SECONDS)
    await asyncio.sleep(QUICK.deadline_seconds + 0.5)
    assert one.leads, "it is renewed meanwhile"
    cluster.fail("broken", "leases")
    await asyncio.sleep(QUICK.deadline_seconds + 0.5)
    assert not one.leads, "and it ends in time"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_is_told_may_break_and_is_told_again(cluster: Cluster, kubeconfig: Path) -> None:
    one = lease(kubeconfig)
    told = Told(one)

    async def changed() -> None:
        await told()
        if len(told.states) == 1:
            raise RuntimeError("a secret cannot be read")

    running = asyncio.create_task(one.run(changed))
    await told.until(True, True)
    cluster.fail("broken", "leases")
    await told.until(True, True, False)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_it_runs_out_by_the_clock_even_if_nothing_of_it_runs(cluster: Cluster, kubeconfig: Path) -> None:
    one = lease(kubeconfig, terms=Terms(lease_seconds=3, deadline_seconds=0.5, renew_seconds=0.1))
    running = asyncio.create_task(one.run(told := Told(one)))
    await told.until(True)
    time.sleep(0.6)  # noqa: ASYNC251 - the event loop is held up, as by too little processor time
    assert not one.leads
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_it_is_renewed_while_all_threads_that_others_use_hang(cluster: Cluster, kubeconfig: Path) -> None:
    one = lease(kubeconfig)
    running = asyncio.create_task(one.run(told := Told(one)))
    await told.until(True)
    end = threading.Event()
    hanging = [asyncio.create_task(asyncio.to_thread(end.wait, PATIENCE_SECONDS)) for _ in range(64)]
    try:
        await asyncio.sleep(QUICK.deadline_seconds + 0.5)
        assert one.leads
        assert told.states == [True]
    finally:
        end.set()
        running.cancel()
        await asyncio.gather(running, *hanging, return_exceptions=True)


async def test_another_clock_does_not_matter(cluster: Cluster, kubeconfig: Path) -> None:
    """What counts is for how long it has been seen unchanged here: not the time that stands in it, which is by somebody else's clock."""
    cluster.put(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "chatprobe", "namespace": "monitoring"},
            "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": "2099-01-01T00:00:00.000000Z", "leaseTransitions": 4},
        }
    )
    one = lease(kubeconfig)
    told = Told(one)
    began = time.monotonic()
    running = asyncio.create_task(one.run(told))
    await told.until(True)
    assert time.monotonic() - began >= 1
    assert spec(cluster)["leaseTransitions"] == 5
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_one_who_is_dead_does_not_have_it_for_ever(cluster: Cluster, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discovery.kubernetes.lease._LONGEST_SECONDS", 1)
    cluster.put(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "chatprobe", "namespace": "monitoring"},
            "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 1_000_000},
        }
    )
    one = lease(kubeconfig)
    running = asyncio.create_task(one.run(told := Told(one)))
    await told.until(True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_lease_that_somebody_else_took_meanwhile_is_lost_at_once(cluster: Cluster, kubeconfig: Path) -> None:
    one = lease(kubeconfig, terms=Terms(lease_seconds=300, deadline_seconds=200.0, renew_seconds=0.1))
    told = Told(one)
    running = asyncio.create_task(one.run(told))
    await told.until(True)
    with cluster.changed:
        stolen = json.loads(json.dumps(cluster.kinds["coordination.k8s.io", "leases"]["monitoring", "chatprobe"]))
        stolen["spec"] |= {"holderIdentity": "other", "leaseDurationSeconds": 300}
        cluster.put(stolen)
    await told.until(True, False)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until_asked(cluster: Cluster, times: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if len(cluster.asked) >= times:
                return
            await asyncio.sleep(0.05)


async def test_whatever_breaks_it_is_asked_for_again(kubeconfig: Path) -> None:
    class Broken(Api):
        breaks = 2

        def read(self, *args: str) -> Json:
            self.breaks -= 1
            if self.breaks >= 0:
                raise RuntimeError("broken")
            return super().read(*args)

    one = Lease(Broken(Kubernetes.model_validate({"namespaces": ("monitoring",), "kubeconfig": str(kubeconfig)})), NAME, "me", QUICK)
    running = asyncio.create_task(one.run(told := Told(one)))
    await told.until(True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Slow(Api):
    """Its answers to one kind of question come once they may."""

    def __init__(self, kubeconfig: Path, slow: str) -> None:
        super().__init__(Kubernetes.model_validate({"namespaces": ("monitoring",), "kubeconfig": str(kubeconfig)}))
        self.slow = slow
        self.may_answer = threading.Event()
        self.waits = threading.Event()

    def read(self, *args: str) -> Json:
        return self._answered("read", super().read(*args))

    def create(self, *args: Any) -> Json:
        return self._answered("create", super().create(*args))

    def replace(self, *args: Any) -> Json:
        return self._answered("replace", super().replace(*args))

    def _answered(self, to: str, answer: Json) -> Json:
        if to == self.slow:
            self.waits.set()
            self.may_answer.wait(PATIENCE_SECONDS)
        return answer


async def test_it_counts_from_when_it_was_asked_for(cluster: Cluster, kubeconfig: Path) -> None:
    """An answer that comes after the deadline gives nothing: others count from when the lease was written."""
    slow = Slow(kubeconfig, "create")
    one = Lease(slow, NAME, "me", Terms(lease_seconds=3, deadline_seconds=0.5, renew_seconds=0.1))
    first = asyncio.Event()
    told: list[tuple[bool, int]] = []

    async def changed() -> None:
        told.append((one.leads, sum(asked.verb == "update" for asked in cluster.asked)))
        first.set()

    running = asyncio.create_task(one.run(changed))
    await asyncio.sleep(0.7)
    slow.may_answer.set()
    await asyncio.wait_for(first.wait(), PATIENCE_SECONDS)
    assert told[0] == (True, 1), "it is renewed first"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("under_way", ["read", "replace"])
async def test_what_is_released_is_not_taken_back(cluster: Cluster, kubeconfig: Path, under_way: str) -> None:
    slow = Slow(kubeconfig, under_way)
    slow.may_answer.set()
    one = Lease(slow, NAME, "me", QUICK)
    running = asyncio.create_task(one.run(told := Told(one)))
    await told.until(True)
    slow.may_answer.clear()
    slow.waits.clear()
    assert await asyncio.to_thread(slow.waits.wait, PATIENCE_SECONDS), "it is being renewed"
    releasing = asyncio.create_task(one.release())
    await asyncio.sleep(0)
    assert not one.leads
    slow.may_answer.set()
    await releasing
    await until_asked(cluster, len(cluster.asked) + 3)
    assert (one.leads, spec(cluster)["holderIdentity"]) == (False, "")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@contextmanager
def contender(kubeconfig: Path, identity: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", CONTENDER, str(kubeconfig), identity], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(process: subprocess.Popen[str]) -> list[str]:
    """When, who, and whether they lead: the next that a contender says, among what it logs."""
    assert process.stdout is not None
    return next(line.split()[1:] for line in process.stdout if line.startswith("STATE "))


def test_two_processes_fight_for_it_and_never_have_it_both(cluster: Cluster, kubeconfig: Path) -> None:
    with contender(kubeconfig, "a") as a, contender(kubeconfig, "b") as b:
        until = time.monotonic() + PATIENCE_SECONDS
        while not cluster.kinds.get(("coordination.k8s.io", "leases")) and time.monotonic() < until:
            time.sleep(0.05)
        holder = spec(cluster)["holderIdentity"]
        leader, follower = (a, b) if holder == "a" else (b, a)
        assert said(leader)[1:] == [holder, "leads"]
        time.sleep(1.5)
        killed = time.monotonic()
        leader.kill()
        at, _, state = said(follower)
    assert state == "leads"
    assert 1 < float(at) - killed < PATIENCE_SECONDS, "only once the lease of the one that was killed has run out"
    assert spec(cluster)["holderIdentity"] == ({"a", "b"} - {holder}).pop()


def test_names() -> None:
    assert read_lease_name("monitoring/chatprobe") == NAME
    assert own_identity() != own_identity()


@pytest.mark.parametrize("written", ["", "chatprobe", "/chatprobe", "monitoring/", "a/b/c"])
def test_what_is_no_name_of_a_lease(written: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a lease; write NAMESPACE/NAME"):
        read_lease_name(written)
