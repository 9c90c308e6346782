"""Discovery in a cluster, over a real socket: what is seen, what changes, and what stays whatever becomes of the API."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from config.secrets import Secrets
from discovery.kubernetes.discovery import MOST_AT_ONCE
from discovery.kubernetes.rbac import DISCOVERY
from tests.cluster import objects as o
from tests.cluster.api import Cluster, Fault
from tests.discovery.kubernetes.conftest import Configured
from tests.discovery.kubernetes.looking import looking, names, until, urls
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("quick")


async def test_all_four_ways(cluster: Cluster, configured: Configured) -> None:
    cluster.put(
        *(o.service("routed"), o.route("routed", "routed")),
        *(o.service("tgi", app="tgi", port=8080), o.ingress("tgi", "tgi", port=8080, host="tgi.example.com")),
        *(o.service("ollama", app="ollama", port=11434, node_port=31434), o.node("worker", external="203.0.113.9")),
        *(o.service("inside"), o.endpoint_slice("inside", "10.128.0.1")),
    )
    async with looking(configured()) as discovery:
        seen = await until(discovery, lambda seen: len(seen.engines) == 4)
    assert urls(seen) == [
        "https://routed-vllm-benchmark.apps.example.com",
        "https://tgi.example.com",
        "http://203.0.113.9:31434",
        "http://inside.vllm-benchmark.svc.cluster.local:8000",
    ]
    assert (seen.problems, seen.passed_over) == ((), ())
    assert seen.at is not None


async def test_nothing_is_asked_for_beyond_the_rights_that_are_listed(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"), o.route("vllm", "vllm"), o.http_route("h", "vllm"), o.gateway(), o.inference_service("llama"), o.node("n"))
    cluster.put(o.llm_inference_service("llm", url="https://llm.example.com", image="vllm/vllm-openai"))
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: len(seen.engines) == 3)
        await eventually(lambda: cluster.watches >= 8)
    granted = {(right.group, right.resource, verb) for right in DISCOVERY for verb in right.verbs}
    assert cluster.verbs() <= granted
    assert {place[:2] for place in granted} - {place[:2] for place in cluster.verbs()} <= {("networking.k8s.io", "ingresses")}
    assert {one.namespace for one in cluster.asked if one.resource != "nodes"} == {"vllm-benchmark"}
    assert all(one.namespace is None for one in cluster.asked if one.resource == "nodes")


async def test_a_way_that_is_not_preferred_is_not_watched(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"))
    async with looking(configured(settings=", prefer: [service]")) as discovery:
        await until(discovery, lambda seen: bool(seen.engines))
    assert {one.resource for one in cluster.asked} == {"services", "endpointslices", "inferenceservices", "llminferenceservices"}


async def test_changes_are_seen_by_the_watch(cluster: Cluster, configured: Configured) -> None:
    first, second = o.service("first"), o.service("second")
    cluster.put(first, o.route("other", "other"))
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: names(seen) == ["first"])
        lists = [one for one in cluster.asked if one.verb == "list" and one.resource == "services"]
        cluster.put(second)
        await until(discovery, lambda seen: names(seen) == ["first", "second"])
        cluster.put(o.route("way", "second"))
        await until(discovery, lambda seen: urls(seen)[1] == "https://way-vllm-benchmark.apps.example.com")
        cluster.put({**second, "metadata": {**second["metadata"], "annotations": {"chatprobe.io/probe": "false"}}})
        await until(discovery, lambda seen: names(seen) == ["first"])
        cluster.delete(first)
        await until(discovery, lambda seen: names(seen) == [])
    assert [one for one in cluster.asked if one.verb == "list" and one.resource == "services"] == lists, "by the watch, not by listing again"


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("forbidden", "no right to services in namespace vllm-benchmark (403); grant it by a role"),
        ("broken", "the API server answered 500 for services in namespace vllm-benchmark; look at its own health"),
        ("hang", "the API server hangs: it has taken a request, and nothing more came; look at its own health"),
        ("half", "its answer is no JSON, or only a part of it; look whether what answers is the API server, and at its own health"),
        ("no json", "its answer is no JSON, or only a part of it; look whether what answers is the API server, and at its own health"),
        ("wrong list", "its answer is no list; look whether what answers is the API server"),
        ("slow", "the API server hangs: it has taken a request, and nothing more came; look at its own health"),
    ],
)
async def test_what_was_known_stays_whatever_the_api_answers(cluster: Cluster, configured: Configured, fault: Fault, problem: str) -> None:
    cluster.put(o.service("vllm"), o.endpoint_slice("vllm", "10.0.0.1"))
    async with looking(configured()) as discovery:
        well = await until(discovery, lambda seen: bool(seen.engines) and bool(seen.engines[0].candidate.replicas))
        cluster.fail(fault, "services")
        ill = await until(discovery, lambda seen: bool(seen.problems))
        assert ill.problems == (f"services of vllm-benchmark: {problem}",)
        assert ill.engines == well.engines
        later = await until(discovery, lambda seen: True)
        assert later.at == ill.at, "its age grows"
        cluster.fail(None, "services")
        mended = await until(discovery, lambda seen: not seen.problems)
        assert mended.engines == well.engines
        assert mended.at is not None
        assert ill.at is not None
        assert mended.at > ill.at


@pytest.mark.parametrize("fault", ["gone", "bad event", "silent watch"])
async def test_a_watch_that_breaks_is_begun_again(cluster: Cluster, configured: Configured, fault: Fault) -> None:
    cluster.put(o.service("vllm"))
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: names(seen) == ["vllm"])
        cluster.fail(fault, "services")
        cluster.put(o.service("later"))
        await until(discovery, lambda seen: names(seen) == ["vllm", "later"])


async def test_410_lists_again_and_loses_nothing(cluster: Cluster, configured: Configured) -> None:
    kept, gone = o.service("vllm"), o.service("gone")
    cluster.put(kept, gone)
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: names(seen) == ["vllm", "gone"])
        with cluster.changed:
            cluster.delete(gone)
            cluster.put(o.service("later"))
            cluster.compact()
        seen = await until(discovery, lambda seen: names(seen) == ["vllm", "later"])
    assert not any(problem.startswith("services") for problem in seen.problems)  # on a busy machine others may take too long


async def test_long_lists_come_in_pages(cluster: Cluster, configured: Configured) -> None:
    cluster.page_objects = 10
    cluster.put(*(o.service(f"s{number:03}") for number in range(45)))
    async with looking(configured()) as discovery:
        seen = await until(discovery, lambda seen: len(seen.engines) == 45)
    assert names(seen) == [f"s{number:03}" for number in range(45)]


async def test_an_api_that_is_down_from_the_start(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"))
    cluster.fail("broken")
    async with looking(configured()) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.problems))
        assert (seen.engines, seen.at) == ((), None)
        cluster.fail(None)
        await until(discovery, lambda seen: names(seen) == ["vllm"] and not seen.problems)


async def test_one_right_that_is_missing_leaves_the_other_ways(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm", node_port=31000), o.node("n", external="203.0.113.1"))
    cluster.fail("forbidden", "nodes")
    async with looking(configured()) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.problems) and bool(seen.engines))
    assert urls(seen) == ["http://vllm.vllm-benchmark.svc.cluster.local:8000"]
    assert seen.problems == (
        "nodes: no right to nodes in the whole cluster (403); grant it by a role, or leave its way out of discovery.kubernetes.prefer",
    )


async def test_kinds_that_the_cluster_does_not_have_are_no_problem(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"))
    assert "route.openshift.io" not in cluster.groups
    async with looking(configured()) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.engines))
    assert seen.problems == ()


async def test_no_right_to_kinds_that_the_cluster_does_not_have_is_no_problem_either(cluster: Cluster, configured: Configured) -> None:
    """An API server looks at rights first: whoever has none to Routes gets 403 where there are no Routes."""
    cluster.put(o.service("vllm"))
    assert not cluster.groups & {"route.openshift.io", "serving.kserve.io"}
    cluster.fail("forbidden", "routes")
    cluster.fail("forbidden", "inferenceservices")
    async with looking(configured(settings=", prefer: [route, service]")) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.engines))
    assert seen.problems == ()


async def test_no_right_to_kinds_that_the_cluster_has_is_told(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"), o.route("vllm", "vllm"))
    cluster.fail("forbidden", "routes")
    async with looking(configured(settings=", prefer: [route, service]")) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.problems) and bool(seen.engines))
    assert seen.problems == (
        "routes.route.openshift.io of vllm-benchmark: no right to routes.route.openshift.io in namespace vllm-benchmark (403); grant it by a role, "
        "or leave its way out of discovery.kubernetes.prefer",
    )


async def test_where_it_cannot_be_told_whether_there_is_such_a_kind_the_missing_right_is_told(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"))
    cluster.fail("forbidden", "routes")
    cluster.fail("broken", "route.openshift.io")
    async with looking(configured(settings=", prefer: [route, service]")) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.problems) and bool(seen.engines))
    assert ["(403); grant it by a role" in problem for problem in seen.problems] == [True]


async def test_services_that_are_not_there_from_the_start_are_a_problem(cluster: Cluster, configured: Configured) -> None:
    """Every cluster has them: what answers is no API server."""
    cluster.groups.remove("")
    async with looking(configured(settings=", prefer: [service]")) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.problems))
    assert seen.problems == ("services of vllm-benchmark: there are no services in namespace vllm-benchmark (404)",)


async def test_routes_that_are_suddenly_not_there_at_all_stay(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"), o.route("vllm", "vllm"))
    async with looking(configured()) as discovery:
        well = await until(discovery, lambda seen: bool(seen.engines) and seen.engines[0].candidate.way.kind == "route")
        cluster.groups.remove("route.openshift.io")
        ill = await until(discovery, lambda seen: bool(seen.problems))
    assert ill.engines == well.engines
    assert ill.problems == ("routes.route.openshift.io of vllm-benchmark: there are no routes.route.openshift.io in namespace vllm-benchmark (404)",)


async def test_no_cluster_at_all(cluster: Cluster, configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(settings=", context: nowhere")
    async with looking(config) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.problems))
    (problem,) = seen.problems
    assert problem.startswith("there is no cluster to talk to: ")
    assert problem.endswith("; run in a pod with a service account, or name a kubeconfig")
    assert "canary" not in problem


async def test_only_the_namespaces_that_are_configured(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("mine"), o.service("theirs", namespace="other"), o.route("r", "mine", namespace="other"))
    async with looking(configured()) as discovery:
        seen = await until(discovery, lambda seen: bool(seen.engines))
        assert [one.candidate.name for one in seen.engines] == ["vllm-benchmark/mine"]
        assert seen.engines[0].candidate.way.kind == "service", "a Route leads to Services of its own namespace"
        await discovery.configure(configured(namespaces="other"), Secrets())
        assert discovery.seen.engines == (), "what was seen elsewhere is forgotten at once"
        seen = await until(discovery, lambda seen: bool(seen.engines))
        assert [one.candidate.name for one in seen.engines] == ["other/theirs"]


async def test_nothing_goes_on_when_it_is_closed(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"))
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: bool(seen.engines))
        assert any(thread.name.startswith("watch ") for thread in threading.enumerate())
    await eventually(lambda: not any(thread.name.startswith("watch ") for thread in threading.enumerate()))


async def test_engines_are_told_when_they_change_and_not_otherwise(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"))
    told: list[list[str]] = []
    async with looking(configured()) as discovery:

        async def changed() -> None:
            told.append(names(discovery.seen))

        running = asyncio.create_task(discovery.run(changed, pause_seconds=0.05, looked=lambda: None))
        await eventually(lambda: told[-1:] == [["vllm"]])
        cluster.put(o.node("unrelated"))
        cluster.put(o.service("later"))
        await eventually(lambda: told[-1:] == [["vllm", "later"]])
        running.cancel()
    assert len(told) == len({tuple(one) for one in told})


async def test_those_who_follow_are_given_many_changes_in_steps(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("vllm"))
    told: list[int] = []
    async with looking(configured()) as discovery:

        async def changed() -> None:
            told.append(len(discovery.seen.engines))

        running = asyncio.create_task(discovery.run(changed, pause_seconds=0.05, looked=lambda: None))
        await eventually(lambda: told == [1])
        cluster.put(*(o.service(f"later-{number}") for number in range(3 * MOST_AT_ONCE)))
        await eventually(lambda: told[-1] == 1 + 3 * MOST_AT_ONCE)
        running.cancel()
    assert max(after - before for before, after in itertools.pairwise(told)) <= MOST_AT_ONCE
