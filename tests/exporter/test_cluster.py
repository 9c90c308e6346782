"""The exporter in a cluster, as a whole: engines that are found are chatted with, their pods are scraped, and no fault of the API takes them away."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import trustme
from aiohttp import web
from structlog.testing import capture_logs

from config.kubernetes import Kubernetes
from config.model import Config
from config.quantities import Address
from config.reader import Loaded, parse
from discovery.kubernetes import api as client
from discovery.kubernetes import discovery
from discovery.kubernetes.lease import Lease, LeaseName, Terms
from exporter.exporting import Running, exporting
from exporter.native.cycle import Natives
from exporter.web.server import listening
from probes.record import ChatRecord
from simulator import Options, simulated
from tests.answers import whole
from tests.cluster import api, objects
from tests.exporter.engine import Engine, engine
from tests.exporter.scrape import Scrape, read
from tests.servers import Peer, serving
from tests.waiting import PATIENCE_SECONDS, eventually
from traffic.events import Event
from traffic.sharding import WHOLE, Shard

KEY = "canary-key"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "READ_SECONDS", 1.0)
    monkeypatch.setattr(discovery, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(discovery.ClusterDiscovery.run, "__kwdefaults__", {"pause_seconds": 0.2})
    monkeypatch.setattr(discovery, "LOOK_SECONDS", 0.5)


@pytest.fixture
def cluster() -> api.Cluster:
    found = api.Cluster()
    found.put(objects.node("worker", external="127.0.0.1"))
    return found


@pytest.fixture
def kubeconfig(cluster: api.Cluster, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "key").write_text(KEY)
    with api.serving(cluster) as url:
        yield api.kubeconfig(tmp_path, url)


@dataclass
class Pod:
    """A pod's own metrics, and what was sent to it."""

    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    async def metrics(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, request.headers.get("Authorization")))
        return web.Response(text="# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 7\n")


@asynccontextmanager
async def pod() -> AsyncIterator[Pod]:
    one = Pod()
    app = web.Application()
    app.router.add_get("/metrics", one.metrics)
    async with listening(app, Address("127.0.0.1", 0)) as address:
        one.url = str(address)
        yield one


class Records:
    """A sink with the chats that ended."""

    def __init__(self) -> None:
        self.all: list[ChatRecord] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, ChatRecord):
            self.all.append(event)


@asynccontextmanager
async def running(
    kubeconfig: Path,
    records: Records,
    *,
    shard: Shard = WHOLE,
    lease: Lease | None = None,
    scenario: str = "beat: {every: 1s}",
    credential: str = "{namespace: vllm-benchmark, host: 127.0.0.1, api_key: {file: key}}",
) -> AsyncIterator[Running]:
    text = f"""
web: {{listen: "127.0.0.1:0", lifecycle: true}}
discovery: {{kubernetes: {{namespaces: [vllm-benchmark], kubeconfig: "{kubeconfig}", loopback: true}}}}
credentials: [{credential}]
scenarios: {{{scenario}}}
native: {{interval: 1s}}
"""
    config = parse(text, str(kubeconfig.parent / "chatprobe.yaml")).config
    async with exporting(config, sinks=[records], grace_seconds=1, shard=shard, lease=lease) as one:
        yield one


async def scraped(one: Running) -> Scrape:
    async with aiohttp.ClientSession() as session, session.get(f"http://{one.address}/metrics") as response:
        return read(await response.read())


async def until(one: Running, holds: Callable[[Scrape], bool]) -> Scrape:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await scraped(one)
            if holds(found):
                return found
            await asyncio.sleep(0.1)


def value(found: Scrape, name: str, **labels: str) -> float | None:
    return next((found.value(name, **held) for held in found.labels(name) if labels.items() <= held.items()), None)


def served(name: str, one: Engine, **more: object) -> api.Json:
    return objects.service(name, node_port=urlsplit(one.url).port, **more)  # type: ignore[arg-type]


async def test_what_is_found_is_chatted_with_and_stays_when_the_api_fails(cluster: api.Cluster, kubeconfig: Path) -> None:
    records = Records()
    async with engine() as one, pod() as first, pod() as second, running(kubeconfig, records) as exporter:
        cluster.put(served("vllm", one))
        found = await until(exporter, lambda found: (value(found, "chatprobe_probes_total", target="vllm-benchmark/vllm") or 0) >= 1)
        assert value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 1
        assert value(found, "chatprobe_exporter_targets", source="kubernetes") == 1
        assert one.keys == {f"Bearer {KEY}"}
        slices = [_slice(name, one, zone) for name, one, zone in (("one", first, "a"), ("two", second, "b"))]
        cluster.put(*slices)
        found = await until(exporter, lambda found: len(found.labels("vllm:num_requests_running")) == 2)
        assert {labels["replica"] for labels in found.labels("vllm:num_requests_running")} == {"one", "two"}
        assert {labels["zone"] for labels in found.labels("chatprobe_target_ready_replicas")} == {"a", "b"}
        assert {asked for pod in (first, second) for asked in pod.asked} == {("/metrics", None)}, "pods are shown no key"
        assert "metrics" not in one.order, "and nothing is asked through the balancer"
        at = value(found, "chatprobe_exporter_discovery_last_success_timestamp_seconds", source="kubernetes")
        cluster.fail("broken")
        found = await until(exporter, lambda found: value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 0)
        chats = value(found, "chatprobe_probes_total", target="vllm-benchmark/vllm")
        assert chats is not None
        found = await until(exporter, lambda found: (value(found, "chatprobe_probes_total", target="vllm-benchmark/vllm") or 0) >= chats + 2)
        last = value(found, "chatprobe_exporter_discovery_last_success_timestamp_seconds", source="kubernetes")
        assert at is not None
        assert last is not None
        assert last - at < 5, "its age grows"
        assert len(found.labels("vllm:num_requests_running")) == 2
        cluster.fail(None)
        cluster.delete(served("vllm", one))
        found = await until(exporter, lambda found: value(found, "chatprobe_exporter_targets", source="kubernetes") == 0)
        assert value(found, "chatprobe_probes_total", target="vllm-benchmark/vllm") is None
        await until(exporter, lambda found: value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 1)
    assert {record.outcome for record in records.all} == {"ok"}


async def test_a_target_that_comes_later_waits_for_no_page_of_metrics(
    cluster: api.Cluster, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred of them, some at a time, would wait two seconds each time where engines are slow to tell."""
    waited: list[int] = []

    async def first_round(natives: Natives) -> None:
        waited.append(len(cluster.kinds.get(("", "services"), {})))

    monkeypatch.setattr(Natives, "first_round", first_round)
    async with engine() as one, engine() as other, running(kubeconfig, Records()) as exporter:
        cluster.put(served("one", one))
        await until(exporter, lambda _found: "chat" in one.order)
        cluster.put(served("other", other))
        await until(exporter, lambda _found: "chat" in other.order)
    assert 2 not in waited
    assert waited


def _troubled_otherwise(one: Running, known: frozenset[str], found: Scrape) -> bool:
    """Whether there is trouble that is not known yet."""
    return value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 0 and not known.issuperset(one.reloading.troubles())


async def test_while_the_api_comes_and_goes_the_log_has_a_line_when_trouble_begins_and_one_when_all_is_well(
    cluster: api.Cluster, kubeconfig: Path
) -> None:
    def up(found: Scrape) -> bool:
        return value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 1

    with capture_logs() as logs:
        async with engine() as one, running(kubeconfig, Records()) as exporter:
            cluster.put(served("vllm", one))
            await until(exporter, lambda found: up(found) and value(found, "chatprobe_exporter_targets", source="kubernetes") == 1)
            faults: list[tuple[api.Fault, str]] = [("broken", "services"), ("half", "endpointslices"), ("no json", "services")]
            told: set[str] = set()
            for fault, plural in faults:
                cluster.fail(fault, plural)
                await until(exporter, partial(_troubled_otherwise, exporter, frozenset(told)))
                told |= set(exporter.reloading.troubles())
            for plural in ("services", "endpointslices"):
                cluster.fail(None, plural)
            await until(exporter, up)
    of_cluster = [(line["log_level"], line["event"]) for line in logs if line.get("source") == "kubernetes"]
    assert len(told) >= 3, "the trouble was another each time"
    assert of_cluster == [("warning", "discovery of targets"), ("info", "discovery of targets: all is well again")]


async def test_a_secret_that_cannot_be_read_holds_up_new_targets_alone_and_is_read_when_it_is_there(
    cluster: api.Cluster, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.watching.LOOK_SECONDS", 0.05)
    records = Records()
    late = kubeconfig.parent / "late"
    late.write_text(KEY)
    credential = "{namespace: vllm-benchmark, name: late, host: 127.0.0.1, api_key: {file: late}}"
    async with engine() as one, engine() as other, running(kubeconfig, records, credential=credential) as exporter:
        cluster.put(served("vllm", one))
        await until(exporter, lambda found: value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 1 and bool(records.all))
        late.unlink()
        cluster.put(served("late", other))
        found = await until(exporter, lambda found: value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 0)
        assert value(found, "chatprobe_exporter_targets", source="kubernetes") == 1
        assert [line for line in exporter.reloading.troubles() if "late: No such file" in line]
        sent = one.order.count("chat")
        await until(exporter, lambda _found: one.order.count("chat") > sent)
        late.write_text(KEY)
        await until(exporter, lambda found: value(found, "chatprobe_exporter_targets", source="kubernetes") == 2)
        await until(exporter, lambda found: value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 1)
        assert list(exporter.reloading.troubles()) == []
        await until(exporter, lambda _found: "chat" in other.order)
    assert other.keys == {f"Bearer {KEY}"}


def _slice(name: str, one: Pod, zone: str) -> api.Json:
    host, _, port = one.url.rpartition(":")
    found = objects.endpoint_slice("vllm", host, port=int(port), zones=(zone,))
    found["metadata"]["name"] = f"vllm-{name}"
    found["endpoints"][0]["targetRef"]["name"] = name
    return found


async def test_a_target_that_resolves_to_a_refused_address_is_sent_nothing(cluster: api.Cluster, kubeconfig: Path) -> None:
    """Its name is a name like any other until the resolver reads an octal number in it; where it leads is known only then, to the worker itself."""
    records = Records()
    text = kubeconfig.parent / "chatprobe.yaml"
    async with engine() as one:
        cluster.put(objects.service("evil", labels={}), objects.ingress("evil", "evil", host=f"localhost:{urlsplit(one.url).port}", tls=False))
        cluster.put(objects.service("worse"), objects.ingress("worse", "worse", host="0177.0.0.1", tls=False))
        config = parse(
            f'web: {{listen: "127.0.0.1:0"}}\ndiscovery: {{kubernetes: {{namespaces: [vllm-benchmark], kubeconfig: "{kubeconfig}"}}}}\n'
            "scenarios: {beat: {every: 1s}}\n",
            str(text),
        ).config
        async with exporting(config, sinks=[records], grace_seconds=1) as exporter:
            await until(exporter, lambda found: (value(found, "chatprobe_probe_failures_total", reason="connect") or 0) >= 1)
    failed = [record for record in records.all if record.outcome == "failed"]
    assert {record.target for record in failed} == {"vllm-benchmark/worse"}
    assert all("is a loopback address, to which no discovered target may lead" in str(record.failure) for record in failed)
    assert one.order == []


async def test_targets_of_a_cluster_are_compared_with_others(cluster: api.Cluster, kubeconfig: Path) -> None:
    records = Records()
    pair = "race: {every: 1s, pair: true}"
    async with engine() as one, engine() as two:
        cluster.put(served("one", one), served("two", two))
        async with running(kubeconfig, records, scenario=pair) as exporter:
            await until(
                exporter, lambda found: (value(found, "chatprobe_pairs_total", target="vllm-benchmark/one", peer="vllm-benchmark/two") or 0) >= 1
            )


async def test_two_shards_have_each_target_once(cluster: api.Cluster, kubeconfig: Path) -> None:
    async with AsyncExitStack() as stack:
        for number in range(6):
            cluster.put(served(f"engine-{number}", await stack.enter_async_context(engine())))
        shards = [Records(), Records()]
        both = [
            await stack.enter_async_context(running(kubeconfig, records, shard=Shard(number, 2))) for number, records in enumerate(shards, start=1)
        ]

        def has(found: Scrape) -> int:
            return int(value(found, "chatprobe_exporter_targets", source="kubernetes") or 0)

        await until(both[0], lambda found: has(found) > 0)
        await until(both[1], lambda found: has(found) > 0)
        counts = [has(await scraped(one)) for one in both]
        assert sum(counts) == 6
        assert [value(await scraped(one), "chatprobe_exporter_shards", shard=str(number)) for number, one in enumerate(both, start=1)] == [2, 2]
        targets = [{labels["target"] for labels in (await scraped(one)).labels("chatprobe_target_info")} for one in both]
        assert targets[0].isdisjoint(targets[1])
        assert len(targets[0] | targets[1]) == 6


async def test_of_two_replicas_one_chats_and_the_other_takes_over(cluster: api.Cluster, kubeconfig: Path) -> None:
    settings = parse(
        f'discovery: {{kubernetes: {{namespaces: [a], kubeconfig: "{kubeconfig}"}}}}\nscenarios: {{beat: {{every: 1s}}}}\n',
        str(kubeconfig.parent / "chatprobe.yaml"),
    ).config.discovery.kubernetes
    terms = Terms(lease_seconds=60, deadline_seconds=40.0, renew_seconds=0.2)
    first, second = (Lease(client.Api(settings), LeaseName("monitoring", "chatprobe"), name, terms) for name in ("first", "second"))
    chats, other_chats = Records(), Records()
    async with engine() as one:
        cluster.put(served("vllm", one))
        async with AsyncExitStack() as stack:
            leading = await stack.enter_async_context(running(kubeconfig, chats, lease=first))
            await until(leading, lambda found: value(found, "chatprobe_exporter_leader") == 1 and bool(chats.all))
            async with running(kubeconfig, other_chats, lease=second) as standing_by:
                seen = await until(standing_by, lambda found: value(found, "chatprobe_exporter_discovery_up", source="kubernetes") == 1)
                chatted = len(chats.all)
                await eventually(lambda: len(chats.all) >= chatted + 2)
                assert value(seen, "chatprobe_exporter_leader") == 0
                assert seen.labels("chatprobe_probes_total") == []
                assert other_chats.all == []
                await stack.aclose()
                ended = len(chats.all)
                await until(standing_by, lambda found: value(found, "chatprobe_exporter_leader") == 1 and bool(other_chats.all))
                assert len(chats.all) == ended


class Lent(Lease):
    """Tells nobody when it is lost, as a loop that is held up."""

    lent = True
    refused = 0

    @property
    def leads(self) -> bool:
        self.refused += not self.lent
        return self.lent

    async def run(self, changed: Callable[[], Awaitable[object]]) -> None:
        await asyncio.Event().wait()

    async def release(self) -> None:
        pass


async def test_without_the_lease_no_chat_is_sent_before_the_targets_are_gone_either(cluster: api.Cluster, kubeconfig: Path) -> None:
    settings = Kubernetes.model_validate({"namespaces": ("a",), "kubeconfig": str(kubeconfig)})
    lease = Lent(client.Api(settings), LeaseName("monitoring", "chatprobe"), "me")
    records = Records()
    async with engine() as one:
        cluster.put(served("vllm", one))
        async with running(kubeconfig, records, lease=lease, scenario="beat: {rate: 20/s}") as exporter:
            await until(exporter, lambda _found: len(records.all) >= 2)
            lease.lent = False
            await until(exporter, lambda _found: len(records.all) == one.order.count("chat"))
            sent = one.order.count("chat")
            await eventually(lambda: lease.refused >= 10)  # chats that were due
            assert one.order.count("chat") == sent
            found = await scraped(exporter)
    assert value(found, "chatprobe_exporter_targets", source="kubernetes") == 1


async def test_pods_that_speak_tls_are_asked_by_the_name_of_their_service(
    cluster: api.Cluster, kubeconfig: Path, authority: trustme.CA, ca_file: str
) -> None:
    """Their address stands in no certificate. What is trusted is said for the Service's host, and no key goes with it."""
    name = "vllm.vllm-benchmark.svc.cluster.local"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(whole(200, b"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 7\n", "text/plain"))

    config = f"""
web: {{listen: "127.0.0.1:0"}}
discovery: {{kubernetes: {{namespaces: [vllm-benchmark], kubeconfig: "{kubeconfig}", loopback: true}}}}
credentials: [{{namespace: vllm-benchmark, host: "{name}", api_key: {{file: key}}, tls: {{ca_file: "{ca_file}"}}}}]
scenarios: {{beat: {{every: 1h, prompt: {{text: Hello}}}}}}
native: {{interval: 1s}}
"""
    with serving(script, tls=context) as server:
        cluster.put(objects.service("vllm", port=8443, port_name="https"))
        cluster.put(objects.endpoint_slice("vllm", "127.0.0.1", port=server.port, port_name="https"))
        async with exporting(parse(config, str(kubeconfig.parent / "chatprobe.yaml")).config, grace_seconds=1) as exporter:
            found = await until(exporter, lambda found: bool(found.labels("vllm:num_requests_running")))
    assert found.labels("vllm:num_requests_running")[0]["replica"] == "vllm-0"
    assert all(b"canary" not in request for request in server.requests)


async def test_the_certificate_of_a_target_of_a_cluster_is_checked_and_its_end_is_served(
    cluster: api.Cluster, kubeconfig: Path, secure: ssl.SSLContext, ca_file: str
) -> None:
    config = f"""
web: {{listen: "127.0.0.1:0"}}
discovery: {{kubernetes: {{namespaces: [vllm-benchmark], kubeconfig: "{kubeconfig}", loopback: true}}}}
credentials: [{{namespace: vllm-benchmark, name: trusted, host: 127.0.0.1, tls: {{ca_file: "{ca_file}"}}}}]
scenarios: {{beat: {{every: 1s, max_tokens: 4}}}}
"""
    records = Records()
    async with simulated("vllm", Options(), ssl_context=secure) as one, simulated("vllm", Options(), ssl_context=secure) as other:
        for name, engine_ in (("trusted", one), ("not-trusted", other)):
            cluster.put(objects.service(name, port_name="https", node_port=urlsplit(engine_.url).port))
        async with exporting(parse(config, str(kubeconfig.parent / "chatprobe.yaml")).config, sinks=[records], grace_seconds=1) as exporter:
            expiry = "chatprobe_tls_certificate_expiry_timestamp_seconds"
            found = await until(exporter, lambda found: bool(found.labels(expiry)) and len({record.target for record in records.all}) == 2)
    assert [labels["target"] for labels in found.labels(expiry)] == ["vllm-benchmark/trusted"]
    assert {(record.target, record.reason) for record in records.all} == {("vllm-benchmark/trusted", None), ("vllm-benchmark/not-trusted", "tls")}


async def test_a_reload_may_look_elsewhere_or_nowhere(cluster: api.Cluster, kubeconfig: Path) -> None:
    def config(namespaces: str | None) -> Config:
        kubernetes = f'kubernetes: {{namespaces: [{namespaces}], kubeconfig: "{kubeconfig}", loopback: true}}' if namespaces else ""
        text = f"""
web: {{listen: "127.0.0.1:0"}}
targets: {{own: {{backend: ollama, url: "http://127.0.0.1:9"}}}}
discovery: {{{kubernetes}}}
scenarios: {{beat: {{every: 1h, targets: [own]}}}}
"""
        return parse(text, str(kubeconfig.parent / "chatprobe.yaml")).config

    wanted = ["vllm-benchmark"]
    cluster.put(objects.service("here"), objects.service("there", namespace="other"))

    def read_again() -> Loaded:
        return Loaded(config(wanted[0]), (), ())

    def of_cluster(found: Scrape) -> set[str]:
        return {labels["target"] for labels in found.labels("chatprobe_target_info") if labels["source"] == "kubernetes"}

    async with exporting(config(wanted[0]), read=read_again, grace_seconds=1) as exporter:
        await until(exporter, lambda found: of_cluster(found) == {"vllm-benchmark/here"})
        wanted[0] = "other"
        assert (await exporter.reloading.reload()).well
        await until(exporter, lambda found: of_cluster(found) == {"other/there"})
        wanted[0] = ""
        assert (await exporter.reloading.reload()).well
        found = await until(exporter, lambda found: of_cluster(found) == set())
    assert found.labels("chatprobe_exporter_discovery_up") == []
    assert found.labels("chatprobe_exporter_targets") == [{"source": "static"}]
