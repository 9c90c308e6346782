"""What floods a cluster, by number or by size, is bounded and told, and what was known stays."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest

from discovery.kubernetes import api, following
from discovery.kubernetes.kinds import SERVICES
from tests.cluster import objects as o
from tests.cluster.api import Cluster
from tests.discovery.kubernetes.conftest import Configured
from tests.discovery.kubernetes.looking import looking, names, until

pytestmark = pytest.mark.usefixtures("quick")


async def test_a_flood_is_bounded_and_told_and_the_older_stay(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.service("kept-1"), o.service("kept-2"))
    config = configured("limits: {discovered_targets: 3}")
    async with looking(config) as discovery:
        await until(discovery, lambda seen: len(seen.engines) == 2)
        cluster.put(*(o.service(f"aaa-{number}") for number in range(300)))
        seen = await until(discovery, lambda seen: len(seen.passed_over) == 299)
    assert names(seen) == ["kept-1", "kept-2", "aaa-0"]
    assert {one.why for one in seen.passed_over} == {"there are more than 3; raise limits.discovered_targets, or choose fewer by the selector"}


async def test_more_objects_than_are_kept(cluster: Cluster, configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_OBJECTS", 5)
    cluster.put(*(o.service(f"s{number}") for number in range(4)))
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: len(seen.engines) == 4)
        cluster.put(*(o.service(f"t{number}") for number in range(10)))
        seen = await until(discovery, lambda seen: bool(seen.passed_over))
    assert len(seen.engines) == 5
    assert [one.why for one in seen.passed_over] == [
        "services of vllm-benchmark: there are more than 10000, or more than 100000 things in them; those that were known stay, "
        "and of the others no more are looked at"
    ]


async def test_what_is_kept_changes_in_a_flood_as_ever(cluster: Cluster, configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_OBJECTS", 2)
    one = o.service("one")
    cluster.put(one, o.service("two"))
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: names(seen) == ["one", "two"])
        cluster.put({**one, "metadata": {**one["metadata"], "annotations": {"chatprobe.io/probe": "false"}}})
        await until(discovery, lambda seen: names(seen) == ["two"])


async def test_a_flood_that_comes_first_in_a_list_displaces_nothing_that_is_known(
    cluster: Cluster, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST_OBJECTS", 5)
    cluster.put(o.service("vllm"), o.service("vllm-2"))
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: len(seen.engines) == 2)
        with cluster.changed:
            cluster.put(*(o.service(f"a{number}") for number in range(10)))
            cluster.compact()  # what they do not see come by a watch comes by a list
        cluster.fail("gone", "services")
        cluster.fail(None, "services")
        seen = await until(discovery, lambda seen: bool(seen.passed_over) and len(seen.engines) == 5)
        assert {"vllm", "vllm-2"} < set(names(seen))
        cluster.delete(*(one for (_, name), one in list(cluster.kinds["", "services"].items()) if name == "vllm-2"))
        await until(discovery, lambda seen: "vllm-2" not in names(seen))
        assert "vllm" in names(discovery.seen)


async def test_what_a_list_of_a_flood_says_of_those_that_are_known_counts(
    cluster: Cluster, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST_OBJECTS", 5)
    known = o.service("vllm")
    cluster.put(known)
    async with looking(configured()) as discovery:
        await until(discovery, lambda seen: names(seen) == ["vllm"])
        with cluster.changed:
            cluster.put(*(o.service(f"z{number}") for number in range(10)))
            cluster.put({**known, "metadata": {**known["metadata"], "annotations": {"chatprobe.io/model": "other"}}})
            cluster.compact()
        seen = await until(discovery, lambda seen: bool(seen.passed_over))
    assert [one.candidate.model for one in seen.engines] == ["other", None, None, None, None]


def test_the_largest_page_takes_little_memory() -> None:
    """Whoever writes five hundred slices of a thousand endpoints each does not have the whole of them in one page."""
    one = orjson.dumps(o.endpoint_slice("vllm", *(f"10.0.{number // 250}.{number % 250}" for number in range(1_000))))
    page = b'{"items":[' + b",".join([one] * (api.PAGE_BYTES // len(one))) + b"]}"
    tracemalloc.start()
    try:
        found = orjson.loads(page)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found["items"]) > 10
    assert most < 200_000_000


def test_an_event_without_an_end_is_not_kept(cluster: Cluster, configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "LINE_BYTES", 80_000)
    cluster.put(o.service("vllm", annotations={"large": "x" * 1_000_000}))
    events = api.Api(configured().discovery.kubernetes).events(SERVICES, "vllm-benchmark", "", "0", seconds=5, opened=lambda _hang_up: None)
    with pytest.raises(api.ApiError, match=r"^an event has more than 80000 bytes; look whether what answers is the API server$"):
        next(events)


async def test_a_list_of_large_objects_is_asked_for_in_smaller_pages(
    cluster: Cluster, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAGE_BYTES", 8_000)
    large = {"large": "x" * 3_000}
    cluster.put(*(o.service(f"s{number}", annotations=large) for number in range(8)))
    async with looking(configured()) as discovery:
        seen = await until(discovery, lambda seen: len(seen.engines) == 8)
        assert seen.problems == ()
        cluster.put(o.service("too-large", annotations={"large": "x" * 9_000}))
        cluster.compact()
        cluster.fail("gone", "services")
        cluster.fail(None, "services")
        seen = await until(discovery, lambda seen: bool(seen.problems))
    assert seen.problems == (
        "services of vllm-benchmark: its answer has more than 8000 bytes; choose fewer objects by discovery.kubernetes.selector",
    )
    assert len(seen.engines) >= 8
