"""Who may do what by the cluster's word: TokenReview and SubjectAccessReview, asked of an API server on a real socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from discovery.kubernetes import api as client
from exporter.web.security import cluster as cluster_auth
from exporter.web.security import gate
from exporter.web.security.cluster import ClusterAuth
from tests.cluster import api
from tests.exporter.security.ports import TOKEN, Opened, basic, bearer, opened

PROMETHEUS, OPS, GUEST = "canary-prometheus-token", "canary-ops-token", "canary-guest-token"


@pytest.fixture
def cluster() -> api.Cluster:
    found = api.Cluster()
    for token, name in ((PROMETHEUS, "prometheus"), (OPS, "ops"), (GUEST, "guest")):
        found.users[token] = {
            "username": f"system:serviceaccount:monitoring:{name}",
            "uid": name,
            "groups": ["system:serviceaccounts"],
            "extra": {"a": ["b"]},
        }
    found.rights = {
        ("system:serviceaccount:monitoring:prometheus", "get", "/metrics"),
        ("system:serviceaccount:monitoring:ops", "get", "/"),
        ("system:serviceaccount:monitoring:ops", "post", "/-/reload"),
    }
    return found


@pytest.fixture
def folder(cluster: api.Cluster, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "token").write_text(TOKEN)
    with api.serving(cluster) as url:
        api.kubeconfig(tmp_path, url)
        yield tmp_path


@pytest.fixture
async def shut(folder: Path) -> AsyncIterator[Opened]:
    found = "discovery: {kubernetes: {namespaces: [monitoring], kubeconfig: kubeconfig}}\n"
    async with opened("kubernetes_auth: true, tokens: {ci: {file: token, role: operate}}", folder, listen="0.0.0.0:0", below=found) as one:
        yield one


def asked(cluster: api.Cluster) -> int:
    return sum(one.resource.endswith("reviews") for one in cluster.asked)


async def test_who_may_get_a_path_reads_it_and_who_may_post_operates(shut: Opened) -> None:
    assert (await shut.ask(headers=bearer(PROMETHEUS)))[0] == 200
    status, text, _ = await shut.ask("/config", headers=bearer(PROMETHEUS))
    assert (status, text) == (403, "You have no right to get this; it takes a ClusterRole with this path in nonResourceURLs.\n")
    assert (await shut.ask("/-/reload", "POST", headers=bearer(PROMETHEUS)))[0] == 403
    assert (await shut.ask("/", headers=bearer(OPS)))[0] == 200
    assert (await shut.ask("/-/reload", "POST", headers=bearer(OPS)))[0] == 200
    assert (await shut.ask("/-/reload", "PUT", headers=bearer(OPS)))[0] == 200
    assert (await shut.ask(headers=bearer(GUEST)))[0] == 403
    assert (await shut.ask("/-/healthy"))[0] == 200
    assert shut.reloads == 2
    assert shut.port.warning is None


async def test_nobody_else_gets_in(shut: Opened) -> None:
    for headers in ({}, bearer("wrong"), bearer("x" * 10_000), basic()):
        status, _, answer = await shut.ask(headers=headers)
        assert status in (400, 401)
        assert status == 400 or answer.headers["WWW-Authenticate"] == 'Bearer realm="chatprobe"'


async def test_tokens_of_its_own_are_asked_of_nobody(shut: Opened, cluster: api.Cluster) -> None:
    assert (await shut.ask("/-/reload", "POST", headers=bearer(TOKEN)))[0] == 200
    assert asked(cluster) == 0


async def test_answers_hold_for_a_while(shut: Opened, cluster: api.Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shut.port.rules.cluster
    assert found is not None
    for _ in range(5):
        assert (await shut.ask(headers=bearer(PROMETHEUS)))[0] == 200
    assert asked(cluster) == 3
    cluster.users.clear()
    assert (await shut.ask(headers=bearer(PROMETHEUS)))[0] == 200
    now = time.monotonic() + cluster_auth.YES_SECONDS
    monkeypatch.setattr(found._users, "_clock", lambda: now)
    assert (await shut.ask(headers=bearer(PROMETHEUS)))[0] == 401


async def test_an_api_server_that_does_not_say_lets_nobody_in_and_is_not_blamed_on_who_asks(
    shut: Opened, cluster: api.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.Api._send, "__kwdefaults__", {"body": None, "silence_seconds": 0.5})
    for fault in ("broken", "forbidden", "hang"):
        cluster.fail(fault)
        status, text, answer = await shut.ask(headers=bearer(PROMETHEUS))
        assert (status, answer.headers["Retry-After"]) == (503, "5")
        assert "Who you are cannot be found out" in text
        assert PROMETHEUS not in text
    monkeypatch.undo()
    cluster.fail(None)
    assert (await shut.ask(headers=bearer(PROMETHEUS)))[0] == 200


async def test_a_flood_of_wrong_tokens_is_none_at_the_api_server(shut: Opened, cluster: api.Cluster) -> None:
    assert (await shut.ask(headers=bearer(PROMETHEUS)))[0] == 200
    before = asked(cluster)
    statuses = await asyncio.gather(*(shut.ask(headers=bearer(f"wrong-{number}")) for number in range(60)))
    assert {status for status, _, _ in statuses} == {401, 429}
    assert asked(cluster) - before < 2 * gate.FAILURES + 4
    assert (await shut.ask(headers=bearer(PROMETHEUS)))[0] == 200, "who is known already goes on"


async def test_answers_of_many_tokens_do_not_pile_up() -> None:
    class Nobody:
        def review(self, group: str, plural: str, body: object) -> dict[str, object]:
            return {"status": {"authenticated": False}}

    auth = ClusterAuth(Nobody())
    for number in range(3000):
        assert await auth.user(str(number)) == {}
    assert len(auth._users._answers) == 1024
