"""What scripts ask of a running exporter, as they ask it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given

from catalogue import own
from config.model import Config
from config.reader import parse
from exporter.history.kept import keep
from exporter.web.api import models
from exporter.web.api.models import Record
from exporter.web.api.records import wants_lines, written
from exporter.web.room import BURST
from probes.record import ChatRecord
from tests.exporter.chats import chats
from tests.exporter.running import Exporter, running
from tests.exporter.scrape import read
from tests.waiting import PATIENCE_SECONDS

SECRET = "canary-secret"
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "api.md"


def configured(url: str) -> Config:
    return parse(f"""
    web: {{listen: "127.0.0.1:0", limits: {{requests_per_second: 10000}}}}
    targets:
      vllm: {{backend: vllm, url: "{url}", headers: {{X-Key: {SECRET}}}}}
      other: {{backend: vllm, url: "{url}"}}
      idle: {{backend: vllm, url: "{url}"}}
      gone: {{backend: vllm, url: "http://127.0.0.1:9"}}
    scenarios:
      heartbeat: {{every: 1s, targets: [vllm, other], prompt: {{text: Hello}}, pair: true}}
      failing: {{every: 1s, targets: [vllm], prompt: {{text: Hello}}, expect: {{never: {{contains: nowhere}}}}}}
      rare: {{every: 1h, targets: [idle, gone], prompt: {{text: Hello}}}}
    slos:
      quick: {{scenario: heartbeat, ttft: 30s, objective: 99%}}
      there: {{scenario: failing, objective: 99.9%}}
    """).config


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with running(configured) as one:
        yield one


@pytest.fixture(scope="module")
def api(exporter: Exporter) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{exporter.url}/api/v1/", timeout=PATIENCE_SECONDS) as client:
        until(lambda: len(client.get("records", params={"scenario": "failing"}).json()) >= 5)
        until(lambda: len(client.get("records", params={"target": "other"}).json()) >= 3)
        yield client


def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and what is said of it; fails where it is told in another form."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["type"] == "about:blank"
    return answer.status_code, str(told["detail"])


def test_targets(api: httpx.Client, exporter: Exporter) -> None:
    found = {target["name"]: target for target in api.get("targets").json()}
    assert list(found) == ["vllm", "other", "idle", "gone"]
    assert found["vllm"]["scenarios"] == ["heartbeat", "failing"]
    assert (found["vllm"]["url"], found["vllm"]["source"], found["vllm"]["model"]) == (exporter.engine.url, "static", "tiny")
    assert found["vllm"]["version"] == "0.0.1"
    assert [target["name"] for target in api.get("targets", params={"target": "other"}).json()] == ["other"]
    assert api.get("targets", params={"target": "nobody"}).json() == []


def test_records_are_filtered_and_come_page_by_page(api: httpx.Client) -> None:
    assert {record["outcome"] for record in api.get("records", params={"failed": "true"}).json()} == {"failed"}
    of_both = {"scenario": "heartbeat", "target": "other", "failed": "false"}
    found = api.get("records", params=of_both).json()
    assert {(record["scenario"], record["target"], record["outcome"]) for record in found} == {("heartbeat", "other", "ok")}
    newest = api.get("records", params={"scenario": "failing", "limit": 2})
    assert len(newest.json()) == 2
    older = api.get(newest.url.join(newest.links["next"]["url"]))
    ids = [int(record["id"]) for record in newest.json() + older.json()]
    assert len(ids) == 4
    assert ids == sorted(set(ids), reverse=True)
    last = api.get("records", params={"before": ids[-1], "limit": 1000, "scenario": "failing"})
    assert "next" not in last.links
    one = older.json()[0]
    assert api.get(f"records/{one['id']}").json() == one
    Record.model_validate_json(orjson.dumps(one))
    assert one["reason"] == "validation"


def test_records_as_lines(api: httpx.Client) -> None:
    asked = api.get("records", params={"limit": 3}, headers={"Accept": "application/x-ndjson"})
    assert asked.headers["Content-Type"] == "application/x-ndjson"
    lines = [orjson.loads(line) for line in asked.text.splitlines()]
    assert len(lines) == 3
    assert asked.links["next"]["url"].endswith(f"before={lines[-1]['id']}")


@pytest.mark.parametrize(
    ("accept", "lines"),
    [
        ("", False),
        ("*/*", False),
        ("application/x-ndjson", True),
        ("application/json, application/x-ndjson;q=0.5", False),
        ("application/x-ndjson, */*;q=0.1", True),
        ("application/x-ndjson;q=0", False),
    ],
)
def test_who_prefers_lines(accept: str, lines: bool) -> None:
    assert wants_lines(accept) is lines


@given(chats())
def test_every_record_is_as_the_document_says(record: ChatRecord) -> None:
    if record.outcome != "cancelled":
        found = Record.model_validate_json(written(keep(record, 7, 1.0)))
        assert (found.id, found.outcome) == ("7", record.outcome)


def test_chats_as_they_come(api: httpx.Client) -> None:
    after = api.get("records", params={"scenario": "failing", "limit": 3}).json()[-1]["id"]
    seen: list[dict[str, Any]] = []
    with api.stream("GET", "records/live", params={"scenario": "failing", "after": after}) as stream:
        for line in stream.iter_lines():
            seen.append(orjson.loads(line))
            if len(seen) == 5:
                break
    ids = [int(record["id"]) for record in seen]
    assert ids == sorted(set(ids))
    assert ids[0] > int(after)
    assert {record["scenario"] for record in seen} == {"failing"}


def test_a_stream_ends_when_it_is_to(api: httpx.Client) -> None:
    with api.stream("GET", "records/live", params={"target": "nobody", "for_seconds": 1}) as stream:
        assert list(stream.iter_lines()) == []


def test_so_many_streams_and_no_more(api: httpx.Client, exporter: Exporter) -> None:
    held = [httpx.Client(base_url=exporter.url, timeout=PATIENCE_SECONDS) for _ in range(17)]
    try:
        streams = [client.stream("GET", "/api/v1/records/live", params={"target": "nobody"}) for client in held]
        statuses = [stream.__enter__().status_code for stream in streams]
        assert statuses == [200] * 16 + [503]
    finally:
        for client in held:
            client.close()
    until(lambda: api.get("records/live", params={"target": "nobody", "for_seconds": 1}).status_code == 200)


def test_summaries(api: httpx.Client) -> None:
    found = {(row["target"], row["scenario"]): row for row in api.get("summary").json()}
    assert set(found) == {("vllm", "heartbeat"), ("other", "heartbeat"), ("vllm", "failing"), ("idle", "rare"), ("gone", "rare")}
    failing, fine = found["vllm", "failing"], found["other", "heartbeat"]
    assert failing["chats"] == failing["failed"] == failing["failures"]["validation"] >= 5
    assert failing["goodput"]["there"] == {"attempts": failing["chats"], "good": 0, "share": 0}
    assert fine["ok"] == fine["measures"]["ttft"]["count"] >= 3
    assert 0 < fine["measures"]["ttft"]["p50"] <= fine["measures"]["ttft"]["p99"]
    assert fine["measures"]["itl"]["count"] == 2 * fine["ok"]
    before = api.get("summary", params={"ago_seconds": 7200, "target": "vllm", "scenario": "failing"}).json()
    assert [(row["chats"], row["measures"]["ttft"]["p50"]) for row in before] == [(0, None)]


def test_slos(api: httpx.Client) -> None:
    found = {(row["slo"], row["target"]): row for row in api.get("slos").json()}
    assert set(found) == {("quick", "vllm"), ("quick", "other"), ("there", "vllm")}
    assert found["quick", "other"]["budget_left"] == found["quick", "other"]["share"] == 1
    assert found["quick", "other"]["thresholds"] == {"ttft": 30}
    there = found["there", "vllm"]
    assert there["budget_left"] == pytest.approx(1 - there["attempts"] / (0.001 * 30 * 86_400))
    assert [row["target"] for row in api.get("slos", params={"target": "other"}).json()] == ["other"]


def test_pairs(api: httpx.Client) -> None:
    found = {(row["target"], row["peer"]): row for row in api.get("pairs").json()}
    assert set(found) == {("vllm", "other"), ("other", "vllm")}
    assert found["vllm", "other"]["pairs"] >= 3
    assert set(found["vllm", "other"]["wins"]) == {"ttft", "tpot", "e2e"}
    assert api.get("pairs", params={"scenario": "failing"}).json() == []


def test_a_chat_on_request(api: httpx.Client, exporter: Exporter) -> None:
    before = read(httpx.get(f"{exporter.url}/metrics").content)
    answer = api.post("probes", json={"target": "idle"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["outcome"], told["skipped"], told["record"]["target"], told["record"]["scenario"]) == ("ok", None, "idle", "rare")
    assert told["record"]["output_tokens"] == 3
    failed = api.post("probes", json={"target": "gone", "scenario": "rare", "timeout_seconds": 5}).json()
    assert (failed["outcome"], failed["record"]["reason"]) == ("failed", "connect")
    after = read(httpx.get(f"{exporter.url}/metrics").content)
    assert after.one(own.CHATS_ON_REQUEST.name, outcome="ok") == 1
    assert after.one(own.CHATS_ON_REQUEST.name, outcome="failed") == 1
    assert before.value(own.PROBES.name, target="idle") == after.value(own.PROBES.name, target="idle"), "what is asked for is no measurement"
    assert told["record"]["request_id"] not in {record["request_id"] for record in api.get("records", params={"target": "idle"}).json()}


def test_chats_that_are_asked_for_too_often(api: httpx.Client) -> None:
    answers: list[httpx.Response] = []
    asking = [threading.Thread(target=lambda: answers.append(api.post("probes", json={"target": "other"}))) for _ in range(4 * BURST)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(429) >= 2 * BURST
    assert statuses.count(200) >= 1
    _, detail = problem(next(answer for answer in answers if answer.status_code == 429))
    assert detail.startswith("too many chats are asked for: of each target 2 at once and 1 a second")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"target": "nobody"}, 404, "'nobody' is no target; give a name"),
        ({"target": "vllm"}, 409, "2 scenarios are for this target; name one: heartbeat, failing."),
        ({"target": "idle", "scenario": "failing"}, 404, "'failing' is no scenario for this target; there are rare."),
        ({"target": "http://127.0.0.1:80/"}, 400, "target"),
        ({"target": "idle", "url": "http://127.0.0.1"}, 400, "url: Extra inputs are not permitted"),
        ({"target": ["idle"]}, 400, "target"),
        ({}, 400, "target: Field required"),
        ([], 400, "The body cannot be taken"),
    ],
)
def test_what_is_no_request_for_a_chat(api: httpx.Client, body: object, status: int, words: str) -> None:
    found = problem(api.post("probes", json=body))
    assert found[0] == status
    assert words in found[1]


def test_bodies_that_are_none(api: httpx.Client) -> None:
    as_json = {"Content-Type": "application/json"}
    assert problem(api.post("probes", content=b"{", headers=as_json))[0] == 400
    assert problem(api.post("probes", content=b"[" * 60_000, headers=as_json))[0] == 400
    assert problem(api.post("probes", content=b'{"target":"' + b"a" * 100_000 + b'"}', headers=as_json))[0] == 413
    assert problem(api.post("probes", content=b'{"target":"\xff"}', headers=as_json))[0] == 400
    assert problem(api.post("probes", data={"target": "idle"}))[0] == 415
    assert problem(api.post("probes"))[0] == 415


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=1e3",
        "limit=1_0",
        "limit=" + "9" * 5000,
        "limit=5&limit=6",
        "failed=yes",
        "before=-1",
        "before=" + "9" * 19,
        "before=1%20OR%201=1",
        "before=%00",
        "target=",
        "target=" + "a" * 129,
        "target=../../etc/passwd%00",
        "target=%3Cscript%3E",
        "target=(a%2B)%2B%24",
        "bogus=1",
    ],
)
def test_what_is_no_question_for_records(api: httpx.Client, query: str) -> None:
    status, detail = problem(api.get(f"records?{query}"))
    assert status == 400
    assert len(detail) < 400
    assert "script" not in detail
    assert "Value error" not in detail


def test_cursors_that_lie_find_nothing_and_break_nothing(api: httpx.Client) -> None:
    assert api.get("records", params={"before": "0"}).json() == []
    assert len(api.get("records", params={"before": "9" * 18, "limit": 1}).json()) == 1
    assert problem(api.get("records/123"))[0] == 404


def test_ways_that_lead_nowhere(api: httpx.Client) -> None:
    assert problem(api.get("bogus"))[0] == 404
    assert problem(api.get("records/..%2f..%2fetc"))[0] == 404
    refused = api.delete("targets")
    assert problem(refused)[0] == 405
    assert refused.headers["Allow"] == "GET"
    assert problem(api.get("probes"))[0] == 405


def test_runs_where_none_can_be_held(api: httpx.Client) -> None:
    assert api.get("runs").json() == []
    status, detail = problem(api.post("runs", json={}))
    assert status == 501
    assert detail.startswith("benchmark runs are not held here")
    assert problem(api.delete("runs/1"))[0] == problem(api.get("runs/1"))[0] == problem(api.get("runs/1/live"))[0] == 404


def test_no_other_site_has_a_browser_spend_tokens(api: httpx.Client) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        assert problem(api.post("probes", json={"target": "idle"}, headers=headers))[0] == 403


def test_no_answer_shows_a_secret(api: httpx.Client, exporter: Exporter) -> None:
    paths = ("targets", "records", "summary", "slos", "pairs", "runs", "openapi.json")
    answers = [api.get(path).text for path in paths] + [api.post("probes", json={"target": "gone"}).text]
    assert not [answer for answer in answers if SECRET in answer]


def test_the_client_of_the_documentation(
    exporter: Exporter, api: httpx.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With our own models in place of those that it has made of the document."""
    code = DOCUMENTATION.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    monkeypatch.setitem(sys.modules, "chatprobe_api", models)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    client: dict[str, Any] = {}
    exec(compile(code.replace("http://127.0.0.1:9840", exporter.url), str(DOCUMENTATION), "exec"), client)
    said = capsys.readouterr().out.splitlines()
    assert len([line for line in said if line.startswith("other heartbeat ")]) == 1
    assert len([line for line in said if " vllm validation never: does not contain " in line]) >= 5
    found = [record.id for record in client["records"](api, scenario="failing", limit=2)]
    assert len(found) == len(set(found)) >= 5
