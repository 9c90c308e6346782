"""A lease that several fight for: one has it at any time, and whoever loses it stops before another begins. The test moves the clock."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.kubernetes import Kubernetes
from discovery.kubernetes.api import FORBIDDEN_SECONDS, Api
from discovery.kubernetes.fields import Json
from discovery.kubernetes.lease import Lease, LeaseName, Terms, own_identity, read_lease_name
from discovery.kubernetes.rbac import LEASE
from tests.cluster import api as fake
from tests.cluster.api import Cluster
from tests.traffic.fakes import SECOND_NS, FakeClock, settle
from tests.waiting import PATIENCE_SECONDS, eventually

NAME = LeaseName("monitoring", "chatprobe")
TERMS = Terms(lease_seconds=15, deadline_seconds=10.0, renew_seconds=3.0)
CONTENDER = """
import asyncio, sys
from config.kubernetes import Kubernetes
from discovery.kubernetes.api import FORBIDDEN_SECONDS, Api
from discovery.kubernetes.lease import Lease, LeaseName, Terms

async def main(kubeconfig, identity):
    settings = Kubernetes.model_validate({"namespaces": ["monitoring"], "kubeconfig": kubeconfig})
    lease = Lease(Api(settings), LeaseName("monitoring", "chatprobe"), identity, Terms(2, 1.5, 0.2))
    async def changed():
        print("LEADS" if lease.leads else "FOLLOWS", identity, flush=True)
    await lease.run(changed)

asyncio.run(main(*sys.argv[1:]))
"""


def api(kubeconfig: Path) -> Api:
    return Api(Kubernetes.model_validate({"namespaces": ("monitoring",), "kubeconfig": str(kubeconfig)}))


def spec(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.kinds["coordination.k8s.io", "leases"]["monitoring", "chatprobe"]["spec"]
    return found


def held_by(holder: str, **more: object) -> dict[str, Any]:
    """A lease that somebody else has written."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "chatprobe", "namespace": "monitoring"},
        "spec": {"holderIdentity": holder, **more},
    }


class Contender:
    """A lease that runs by a clock of its own, and what it has told of itself."""

    def __init__(self, api: Api, identity: str = "me", terms: Terms = TERMS) -> None:
        self.clock = FakeClock()
        self.lease = Lease(api, NAME, identity, terms, self.clock)
        self.told: list[bool] = []
        self._renew_ns = round(terms.renew_seconds * SECOND_NS)
        self._next_ns = 0

    async def changed(self) -> None:
        self.told.append(self.lease.leads)

    async def begin_attempt(self) -> None:
        """Go on to when the next attempt is due."""
        await self.clock.advance((self._next_ns - self.clock.now_ns) / SECOND_NS)
        self._next_ns += self._renew_ns

    async def end_attempt(self) -> None:
        """Until the attempt has ended, and it is waited for the next."""
        await eventually(lambda: any(due == self._next_ns and not sleeper.done() for due, sleeper in self.clock.sleepers))
        await settle()

    async def attempt(self) -> None:
        await self.begin_attempt()
        await self.end_attempt()

    async def go_on(self, seconds: float) -> None:
        """Let so much time pass, with an attempt each time that one is due, which ends at once."""
        end_ns = self.clock.now_ns + round(seconds * SECOND_NS)
        while self._next_ns <= end_ns:
            await self.attempt()
        await self.clock.advance((end_ns - self.clock.now_ns) / SECOND_NS)


@asynccontextmanager
async def running(contender: Contender, changed: Callable[[], Any] | None = None) -> AsyncIterator[Contender]:
    task = asyncio.create_task(contender.lease.run(changed or contender.changed))
    try:
        yield contender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_comes_first_has_it_and_who_comes_later_waits(cluster: Cluster, kubeconfig: Path) -> None:
    first, second = Contender(api(kubeconfig), "first"), Contender(api(kubeconfig), "second")
    async with running(first):
        await first.attempt()
        async with running(second):
            for _ in range(20):
                await second.attempt()
                await first.attempt()
            assert second.clock.now_ns > 2 * TERMS.lease_seconds * SECOND_NS
            assert (first.told, second.told) == ([True], [])
            assert (spec(cluster)["holderIdentity"], spec(cluster)["leaseTransitions"]) == ("first", 0)
            await first.lease.release()
            assert not first.lease.leads
            await second.attempt()
            assert second.told == [True], "what was released need not run out"
            assert (spec(cluster)["holderIdentity"], spec(cluster)["leaseTransitions"]) == ("second", 1)


async def test_nothing_is_asked_for_beyond_the_rights_that_are_listed(cluster: Cluster, kubeconfig: Path) -> None:
    async with running(Contender(api(kubeconfig))) as one:
        await one.go_on(10)
        await one.lease.release()
    assert cluster.verbs() == {(right.group, right.resource, verb) for right in LEASE for verb in right.verbs}


@pytest.mark.parametrize("fault", ["broken", "forbidden"])
async def test_who_cannot_renew_it_stops_before_another_may_take_it(cluster: Cluster, kubeconfig: Path, fault: Any) -> None:
    async with running(Contender(api(kubeconfig))) as one:
        await one.attempt()
        cluster.fail(fault, "leases")
        await one.go_on(TERMS.deadline_seconds - 0.1)
        assert (one.lease.leads, one.told) == (True, [True])
        await one.go_on(0.1)
        assert not one.lease.leads
        await one.go_on(TERMS.renew_seconds)
        assert one.told == [True, False]
        cluster.fail(None, "leases")
        await one.attempt()
        assert one.told == [True, False, True]


async def test_trouble_is_told_when_it_begins_and_when_it_ends(cluster: Cluster, kubeconfig: Path) -> None:
    with capture_logs() as log:
        async with running(Contender(api(kubeconfig))) as one:
            cluster.fail("broken", "leases")
            await one.go_on(9)
            cluster.fail("no json", "leases")
            cluster.groups.remove("coordination.k8s.io")
            await one.go_on(9)
            cluster.groups.add("coordination.k8s.io")
            cluster.fail(None, "leases")
            await one.go_on(9)
    told = [(each["log_level"], each["event"]) for each in log if each["log_level"] != "debug" and "leading" not in each["event"]]
    assert told == [("warning", "the lease cannot be asked for"), ("info", "the lease can be asked for again")]


async def test_a_missing_right_is_told_only_if_it_stays(cluster: Cluster, kubeconfig: Path) -> None:
    with capture_logs() as log:
        async with running(Contender(api(kubeconfig))) as one:
            cluster.fail("forbidden", "leases")
            await one.go_on(FORBIDDEN_SECONDS - 1)
            assert log == []
            await one.go_on(2 * TERMS.renew_seconds)
    assert [each["problem"] for each in log if each["log_level"] == "warning"] == [
        "no right to leases.coordination.k8s.io in namespace monitoring (403); grant it by a role"
    ]


async def test_who_gets_no_answer_stops_before_another_may_take_it(cluster: Cluster, kubeconfig: Path) -> None:
    async with running(Contender(api(kubeconfig))) as one:
        await one.attempt()
        cluster.fail("hang", "leases")
        asked = len(cluster.asked)
        await one.begin_attempt()
        await eventually(lambda: len(cluster.asked) > asked)
        await one.clock.advance(TERMS.deadline_seconds - TERMS.renew_seconds)
        assert one.told == [True, False], "although it hangs, it is noticed in time"
        cluster.fail(None, "leases")


async def test_who_is_told_may_hang_and_the_lease_is_kept_all_the_same(cluster: Cluster, kubeconfig: Path) -> None:
    told = asyncio.Event()

    async def hang() -> None:
        told.set()
        await asyncio.Event().wait()

    async with running(Contender(api(kubeconfig)), hang) as one:
        await one.attempt()
        assert told.is_set()
        await one.go_on(3 * TERMS.deadline_seconds)
        assert one.lease.leads, "it is renewed meanwhile"
        cluster.fail("broken", "leases")
        await one.go_on(TERMS.deadline_seconds)
        assert not one.lease.leads, "and it ends in time"


async def test_who_is_told_may_break_and_is_told_again(cluster: Cluster, kubeconfig: Path) -> None:
    one = Contender(api(kubeconfig))

    async def changed() -> None:
        await one.changed()
        if len(one.told) == 1:
            raise RuntimeError("a secret cannot be read")

    async with running(one, changed):
        await one.attempt()
        assert one.told == [True]
        await one.go_on(2 * TERMS.renew_seconds)
        assert one.told == [True, True]
        cluster.fail("broken", "leases")
        await one.go_on(TERMS.deadline_seconds + TERMS.renew_seconds)
        assert one.told == [True, True, False]


async def test_it_runs_out_by_the_clock_even_if_nothing_of_it_runs(cluster: Cluster, kubeconfig: Path) -> None:
    async with running(Contender(api(kubeconfig))) as one:
        await one.attempt()
        one.clock.now_ns += round(TERMS.deadline_seconds * SECOND_NS)  # the event loop is held up, as by too little processor time
        assert not one.lease.leads


async def test_it_is_renewed_while_all_threads_that_others_use_hang(cluster: Cluster, kubeconfig: Path) -> None:
    async with running(Contender(api(kubeconfig))) as one:
        await one.attempt()
        end = threading.Event()
        hanging = [asyncio.create_task(asyncio.to_thread(end.wait, PATIENCE_SECONDS)) for _ in range(64)]
        try:
            await one.go_on(2 * TERMS.deadline_seconds)
            assert (one.lease.leads, one.told) == (True, [True])
        finally:
            end.set()
            await asyncio.gather(*hanging)


async def test_another_clock_does_not_matter(cluster: Cluster, kubeconfig: Path) -> None:
    """What counts is for how long it has been seen unchanged here: not the time that stands in it, which is by somebody else's clock."""
    cluster.put(held_by("dead", leaseDurationSeconds=6, renewTime="2099-01-01T00:00:00.000000Z", leaseTransitions=4))
    async with running(Contender(api(kubeconfig))) as one:
        await one.go_on(5.9)
        assert one.told == []
        await one.go_on(0.1)
        assert one.told == [True]
    assert (spec(cluster)["leaseTransitions"], spec(cluster)["renewTime"][:4]) == (5, "2027")


async def test_it_is_asked_for_at_the_moment_at_which_it_runs_out(cluster: Cluster, kubeconfig: Path) -> None:
    cluster.put(held_by("dead", leaseDurationSeconds=4))
    async with running(Contender(api(kubeconfig))) as one:
        await one.attempt()
        await one.begin_attempt()
        await eventually(lambda: any(due == 4 * SECOND_NS and not sleeper.done() for due, sleeper in one.clock.sleepers))
        await one.clock.advance(0.999)
        assert one.told == []
        await one.clock.advance(0.001)
        await eventually(lambda: one.told == [True])


async def test_what_others_wrote_beside_it_stays(cluster: Cluster, kubeconfig: Path) -> None:
    """By its labels and annotations, Helm knows the lease that it removes with a release. It is made without a holder."""
    helms = {"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "bench"}}
    made = held_by("")
    del made["spec"]
    made["metadata"] |= helms
    cluster.put(made)
    async with running(Contender(api(kubeconfig))) as one:
        await one.go_on(2 * TERMS.renew_seconds)
        assert one.lease.leads
        await one.lease.release()
    found = cluster.kinds["coordination.k8s.io", "leases"]["monitoring", "chatprobe"]
    assert helms.items() <= found["metadata"].items()
    assert (found["spec"]["holderIdentity"], found["spec"]["leaseTransitions"]) == ("", 0)


async def test_a_lease_that_is_gone_is_not_made_again_by_who_has_released_it(cluster: Cluster, kubeconfig: Path) -> None:
    async with running(Contender(api(kubeconfig))) as one:
        await one.attempt()
        await one.lease.release()
        cluster.delete(cluster.kinds["coordination.k8s.io", "leases"]["monitoring", "chatprobe"])
        await one.go_on(3 * TERMS.renew_seconds)
        assert not cluster.kinds["coordination.k8s.io", "leases"]


async def test_one_who_is_dead_does_not_have_it_for_ever(cluster: Cluster, kubeconfig: Path) -> None:
    cluster.put(held_by("dead", leaseDurationSeconds=1_000_000))
    async with running(Contender(api(kubeconfig), terms=Terms(lease_seconds=60, deadline_seconds=40.0, renew_seconds=30.0))) as one:
        await one.go_on(299)
        assert one.told == []
        await one.go_on(1)
        assert one.told == [True]


async def test_a_lease_that_somebody_else_took_meanwhile_is_lost_at_once(cluster: Cluster, kubeconfig: Path) -> None:
    async with running(Contender(api(kubeconfig))) as one:
        await one.attempt()
        with cluster.changed:
            stolen = json.loads(json.dumps(cluster.kinds["coordination.k8s.io", "leases"]["monitoring", "chatprobe"]))
            stolen["spec"] |= {"holderIdentity": "other", "leaseDurationSeconds": 300}
            cluster.put(stolen)
        await one.attempt()
        assert one.told == [True, False]


async def test_whatever_breaks_it_is_asked_for_again(kubeconfig: Path) -> None:
    class Broken(Api):
        breaks = 2

        def read(self, *args: str) -> Json:
            self.breaks -= 1
            if self.breaks >= 0:
                raise RuntimeError("broken")
            return super().read(*args)

    broken = Broken(Kubernetes.model_validate({"namespaces": ("monitoring",), "kubeconfig": str(kubeconfig)}))
    async with running(Contender(broken)) as one:
        for told in ([], [], [True]):
            await one.attempt()
            assert one.told == told


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
    one = Contender(slow)
    told: list[tuple[bool, int]] = []

    async def changed() -> None:
        told.append((one.lease.leads, sum(asked.verb == "update" for asked in cluster.asked)))

    async with running(one, changed):
        await eventually(slow.waits.is_set)
        await one.clock.advance(TERMS.deadline_seconds + 1)
        slow.may_answer.set()
        await eventually(lambda: any(not sleeper.done() for _, sleeper in one.clock.sleepers))
        assert (one.lease.leads, told) == (False, [])
        await one.clock.advance(TERMS.renew_seconds)
        await eventually(lambda: bool(told))
    assert told[0] == (True, 1), "it is renewed first"


@pytest.mark.parametrize("under_way", ["read", "replace"])
async def test_what_is_released_is_not_taken_back(cluster: Cluster, kubeconfig: Path, under_way: str) -> None:
    slow = Slow(kubeconfig, under_way)
    slow.may_answer.set()
    async with running(Contender(slow)) as one:
        await one.attempt()
        slow.may_answer.clear()
        slow.waits.clear()
        await one.begin_attempt()
        await eventually(slow.waits.is_set)
        releasing = asyncio.create_task(one.lease.release())
        await settle()
        assert not one.lease.leads
        slow.may_answer.set()
        await releasing
        await one.end_attempt()
        asked = len(cluster.asked)
        await one.go_on(3 * TERMS.renew_seconds)
        assert len(cluster.asked) >= asked + 3, "it is asked for, but not taken"
        assert (one.lease.leads, spec(cluster)["holderIdentity"]) == (False, "")


@contextmanager
def contender(kubeconfig: Path, identity: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", CONTENDER, str(kubeconfig), identity], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def leads(process: subprocess.Popen[str]) -> None:
    """Wait until a contender says that it leads."""
    assert process.stdout is not None
    assert next(line for line in process.stdout if line.startswith("LEADS "))


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))


def test_two_processes_fight_for_it_and_never_have_it_both(cluster: Cluster, tmp_path: Path) -> None:
    def asked(identity: str) -> int:
        return sum(one.authorization == f"Bearer {identity}" for one in cluster.asked)

    with ExitStack() as stack:
        url = stack.enter_context(fake.serving(cluster))
        both = {}
        for identity in "ab":
            (tmp_path / identity).mkdir()
            kubeconfig = fake.kubeconfig(tmp_path / identity, url, token=identity)
            both[identity] = stack.enter_context(contender(kubeconfig, identity))
        wait_for(lambda: min(map(asked, both)) >= 3)
        holder = spec(cluster)["holderIdentity"]
        leader = both.pop(holder)
        leads(leader)
        leader.kill()
        leader.wait()
        (follower,) = both
        renewed = spec(cluster)
        wait_for(lambda: spec(cluster)["holderIdentity"] == follower)
        leads(both[follower])
    taken = spec(cluster)
    assert (renewed["holderIdentity"], taken["holderIdentity"]) == (holder, follower)
    ran_out = instant(renewed["renewTime"]) + timedelta(seconds=renewed["leaseDurationSeconds"])
    assert instant(taken["acquireTime"]) >= ran_out, "only once the lease of the one that was killed has run out"


def test_names() -> None:
    assert read_lease_name("monitoring/chatprobe") == NAME
    assert own_identity() != own_identity()


@pytest.mark.parametrize("written", ["", "chatprobe", "/chatprobe", "monitoring/", "a/b/c"])
def test_what_is_no_name_of_a_lease(written: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a lease; write NAMESPACE/NAME"):
        read_lease_name(written)
