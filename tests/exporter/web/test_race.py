"""The race in the browser, as a browser asks for it: with a script that follows, and without."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from catalogue import own
from cli.race_result import judged
from config.model import Config
from config.reader import parse
from exporter.web.pages.framing import POLICY
from exporter.web.racing import MOST_SIDE_BY_SIDE
from tests.exporter.running import Exporter, running
from tests.exporter.scrape import read
from tests.waiting import PATIENCE_SECONDS

SETTINGS = """
    web: {{listen: "127.0.0.1:0", own_prompts: {own}, anonymous: {role}, limits: {{requests_per_second: 10000}}}}
    targets:
      one: {{backend: vllm, url: "{url}"}}
      two: {{backend: vllm, url: "{url}"}}
      closed: {{backend: tgi, url: "http://127.0.0.1:9"}}
      poor: {{backend: vllm, url: "{url}"}}
    scenarios:
      chat: {{every: 1h, targets: [one, two, closed], prompt: {{text: Hello}}, max_tokens: 100}}
      dear: {{every: 1h, targets: [poor], prompt: {{text: Hello}}, max_tokens: 100000}}
    limits: {{tokens_per_hour: 50000}}
"""


def with_own_prompts(url: str) -> Config:
    return parse(SETTINGS.format(url=url, own="true", role="operate")).config


def for_readers(url: str) -> Config:
    return parse(SETTINGS.format(url=url, own="false", role="read")).config


def without_own_prompts(url: str) -> Config:
    return parse(SETTINGS.format(url=url, own="false", role="operate")).config


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with running(with_own_prompts, judge=judged) as one:
        yield one


def race(exporter: Exporter, **fields: object) -> httpx.Response:
    """The form, sent as it is without scripts. It is sent anew while an earlier race holds the only place, or the rates are spent."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = httpx.post(f"{exporter.url}/race", data=fields, timeout=PATIENCE_SECONDS)
        if answer.status_code != 429 or time.monotonic() > until:
            return answer
        time.sleep(0.2)


def events(answer: httpx.Response) -> Iterator[tuple[str, dict[str, object]]]:
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def counted(exporter: Exporter, outcome: str) -> float:
    return read(httpx.get(f"{exporter.url}/metrics").content).one(own.CHATS_ON_REQUEST.name, outcome=outcome) or 0.0


def test_it_says_what_it_costs_before_it_starts(exporter: Exporter) -> None:
    answer = httpx.get(f"{exporter.url}/race?scenario=chat&rounds=2&target=one&target=two")
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (200, POLICY)
    assert "It costs about <b>405</b> tokens at most, prompts and answers of 2 engines in 2 rounds." in answer.text
    before = len(exporter.engine.chats)
    asked = race(exporter, scenario="chat", rounds=1, target="one", do="cost")
    assert "of 1 engine in 1 round." in asked.text
    assert len(exporter.engine.chats) == before


def test_without_scripts_the_form_ends_with_the_result(exporter: Exporter) -> None:
    before = counted(exporter, "ok"), counted(exporter, "failed")
    answer = race(exporter, scenario="chat", rounds=2, target=["one", "closed"], prompt="scenario")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "After 2 rounds" in answer.text
    assert "onetwothree" in answer.text
    assert "failed: connect" in answer.text
    assert (counted(exporter, "ok"), counted(exporter, "failed")) == (before[0] + 2, before[1] + 2)


def test_its_rounds_show_by_how_much_engines_differ_or_what_they_could_have_shown(exporter: Exporter) -> None:
    answer = race(exporter, scenario="chat", rounds=3, target=["one", "two"])
    sentences = html.unescape(" ".join(re.findall(r"<li>(.*?)</li>", answer.text[answer.text.index('<ul class="verdict">') :])))
    assert re.search(r"Time to first token, beside (one|two): ", sentences)
    assert re.search(r"times as long \(|no difference seen to (one|two) \(.* to .*\): this race could have shown (none|one of )", sentences)
    assert "Intervals hold with 95 % confidence, all of them together, by 3 rounds" in sentences
    assert "takes 3 rounds to say, or better 10: choose 10." in race(exporter, scenario="chat", rounds=1, target=["one", "two"]).text


def test_answers_are_seen_while_they_come(exporter: Exporter) -> None:
    engine = exporter.engine
    engine.finish.clear()  # from the loop of another thread it may only be set: clearing wakes nobody
    fields = {"scenario": "chat", "rounds": "1", "target": ["one", "two"], "prompt": "own", "text": "Why <b>me</b>?"}
    said: list[tuple[str, dict[str, object]]] = []
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        while not said and time.monotonic() < until:
            with httpx.stream(
                "POST", f"{exporter.url}/race", data=fields, headers={"Accept": "text/event-stream"}, timeout=PATIENCE_SECONDS
            ) as answer:
                if answer.status_code == 429:
                    time.sleep(0.2)
                    continue
                assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
                for name, data in events(answer):
                    said.append((name, data))
                    if name == "lanes" and all(lane["text"] == "onetwothree" for lane in data["lanes"]):  # type: ignore[attr-defined]
                        engine.finish.set()
    finally:
        engine.finish.set()
    names = [name for name, _ in said]
    assert (names[0], names[-1]) == ("begin", "result")
    assert names.count("result") <= 2  # once more with what the race has shown
    lanes = [data for name, data in said if name == "lanes"]
    ticking = [lane["ttft"] for data in lanes for lane in data["lanes"] if lane["ttft"].startswith("~")]  # type: ignore[attr-defined]
    assert ticking, "nothing was seen before the answers were over"
    assert all(not lane["ttft"].startswith("~") and lane["rate"] != "–" for lane in lanes[-1]["lanes"])  # type: ignore[attr-defined]
    assert (lanes[-1]["place"], lanes[-1]["prompt"]) == ("Round 1 of 1", "Why <b>me</b>?")
    assert engine.chats[-1]["messages"][-1]["content"].endswith("Why <b>me</b>?")  # type: ignore[index]


def test_the_limits_of_the_load_hold(exporter: Exporter) -> None:
    before = counted(exporter, "skipped")
    answer = race(exporter, scenario="dear", rounds=1)
    assert "not asked: the tokens of this hour are spent" in answer.text
    assert counted(exporter, "skipped") == before + 1


def test_one_race_at_a_time(exporter: Exporter) -> None:
    exporter.engine.finish.clear()
    try:
        until, fields = time.monotonic() + PATIENCE_SECONDS, {"scenario": "chat", "rounds": "1", "target": "one"}
        accept = {"Accept": "text/event-stream"}
        while time.monotonic() < until:
            with httpx.stream("POST", f"{exporter.url}/race", data=fields, headers=accept, timeout=PATIENCE_SECONDS) as first:
                if first.status_code == 429:
                    continue
                next(events(first))
                second = httpx.post(f"{exporter.url}/race", data=fields)
                assert (second.status_code, "one at a time" in second.text) == (429, True)
                return
        pytest.fail("no race began")
    finally:
        exporter.engine.finish.set()


def test_whoever_goes_away_begins_no_other_round(exporter: Exporter) -> None:
    race(exporter, scenario="chat", rounds=1, target="two")
    fields, accept = {"scenario": "chat", "rounds": "10", "target": "two"}, {"Accept": "text/event-stream"}
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with httpx.stream("POST", f"{exporter.url}/race", data=fields, headers=accept, timeout=PATIENCE_SECONDS) as answer:
            if answer.status_code == 200:
                next(events(answer))
                break
    before = len(exporter.engine.chats)
    assert race(exporter, scenario="chat", rounds=1, target="one").status_code == 200  # its place is free again
    assert len(exporter.engine.chats) <= before + 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rounds": "11"}, "Rounds are 1 to 10."),
        ({"rounds": "²"}, "Rounds are 1 to 10."),
        ({"scenario": "none"}, "There is no scenario of this name; there are chat, dear."),
        ({"prompt": "prompt:none"}, "There is no such prompt"),
        ({"prompt": "own", "text": " "}, "Your own prompt is empty"),
        ({"prompt": "own", "text": "x" * 4001}, "The prompt is too long; write 4,000 characters at most."),
    ],
)
def test_what_is_no_race(exporter: Exporter, fields: dict[str, str], words: str) -> None:
    answer = httpx.post(f"{exporter.url}/race", data=fields)
    assert (answer.status_code, words in answer.text) == (400, True)


def test_another_sites_page_begins_none(exporter: Exporter) -> None:
    answer = httpx.post(f"{exporter.url}/race", data={"rounds": "1"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_whoever_reads_begins_none() -> None:
    with running(for_readers) as exporter:
        assert httpx.post(f"{exporter.url}/race", data={"rounds": "1"}).status_code == 403
        page = httpx.get(f"{exporter.url}/race").text
        assert "To begin a race takes the role operate" in page
        assert ">Race</button>" not in page


def test_prompts_of_ones_own_are_off_by_default() -> None:
    with running(without_own_prompts) as exporter:
        assert "<textarea" not in httpx.get(f"{exporter.url}/race").text
        answer = httpx.post(f"{exporter.url}/race", data={"prompt": "own", "text": "Hello"})
        assert (answer.status_code, "set web: {own_prompts: true}" in answer.text) == (400, True)


def test_so_many_side_by_side() -> None:
    def crowd(url: str) -> Config:
        targets = ", ".join(f't{number}: {{backend: vllm, url: "{url}"}}' for number in range(MOST_SIDE_BY_SIDE + 1))
        return parse(f'web: {{listen: "127.0.0.1:0"}}\ntargets: {{{targets}}}\nscenarios: {{chat: {{every: 1h}}}}').config

    with running(crowd) as exporter:
        everybody = [f"t{number}" for number in range(MOST_SIDE_BY_SIDE + 1)]
        answer = httpx.post(f"{exporter.url}/race", data={"target": everybody})
        assert (answer.status_code, "9 targets are too many side by side; choose 8 at most." in answer.text) == (400, True)
