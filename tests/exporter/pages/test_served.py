"""The pages over sockets: what stands on them, what is never on them, and what changes while one looks."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from config.reader import parse
from exporter.native.drops import DropReason, LeftOut
from exporter.web.pages import feeds, live
from exporter.web.pages.framing import PLACES, POLICY, RACE
from exporter.web.pages.static import assets
from probes.failure import Reason
from tests.exporter.pages.stage import THREE, Stage, breaks, many, three
from tests.waiting import PATIENCE_SECONDS, eventually
from traffic.events import Breaker, Facts, Skip, SkipReason
from traffic.roster import roster

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}\u202egnp.exe\x1b[31m"
PATHS = (*(path for path, _ in PLACES if path != RACE), "/targets/vllm", "/targets/tgi")


@dataclass
class Site:
    stage: Stage
    session: aiohttp.ClientSession

    async def get(self, path: str, status: int = 200) -> str:
        async with self.session.get(path) as response:
            assert response.status == status
            return await response.text()


@asynccontextmanager
async def serving(stage: Stage) -> AsyncIterator[Site]:
    async with stage.listening() as address, aiohttp.ClientSession(f"http://{address}") as session:
        yield Site(stage, session)


async def test_every_page_stands_under_a_strict_policy_and_takes_nothing_from_elsewhere() -> None:
    stage = three()
    stage.play(600, 10, lambda name: Reason.STALLED if name == "tgi" else None)
    async with serving(stage) as site:
        for path in PATHS:
            async with site.session.get(path) as response:
                assert response.headers["Content-Security-Policy"] == POLICY
                assert response.headers["Cache-Control"] == "no-store"
                page = await response.text()
            assert page.count("<h1") == 1
            assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page)
            addresses = re.findall(r'(?:href|src)="([^"]*)"', page)
            assert all(address.startswith(("/", "#")) and not address.startswith("//") for address in addresses)
            for address in {html.unescape(one) for one in addresses if one.startswith("/")} - {RACE}:  # which has tests of its own
                await site.get(address)


async def test_own_files_are_kept_for_ever_under_the_address_of_their_content() -> None:
    async with serving(three()) as site:
        for asset in assets().values():
            async with site.session.get(asset.url) as response:
                assert (response.status, response.content_type) == (200, asset.content_type)
                assert "immutable" in response.headers["Cache-Control"]
            async with site.session.get(f"/static/{asset.name}?v=older") as response:
                assert response.headers["Cache-Control"] == "no-cache"
        for name in ("..%2f..%2froutes.py", "routes.py", "%2e%2e/templates/page.html"):
            async with site.session.get(f"/static/{name}") as response:
                assert response.status == 404


async def test_what_others_say_is_text_and_nothing_else() -> None:
    stage = three()
    stage.tell(Facts("tgi", HOSTILE, served_model=HOSTILE, backend_version=HOSTILE, held_back=HOSTILE, left_out=(HOSTILE,)))
    told = {"model": HOSTILE, "prompt_id": HOSTILE, "finish_reason": HOSTILE, "answer_head": HOSTILE, "failed_check": HOSTILE}
    stage.tell(stage.failures("tgi", "chat", Reason.VALIDATION, HOSTILE, **told))
    stage.tell(stage.chats("vllm", "chat", **told))
    stage.troubles = (HOSTILE,)
    async with serving(stage) as site:
        pages = [await site.get(path) for path in PATHS]
        pages.append(await site.get("/targets/" + HOSTILE.replace("/", "%2F"), 404))
        async with site.session.get("/", params={"q": HOSTILE, "engine": HOSTILE, "theme": HOSTILE}) as response:
            pages.append(await response.text())
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page
        assert not {"\u202e", "\x1b"} & set(page)
    assert sum("&lt;script&gt;alert(1)" in page for page in pages) >= 5


async def test_hostile_texts_are_no_more_than_text_in_what_is_sent_live() -> None:
    stage = three()
    async with serving(stage) as site, following(site, "/targets/tgi") as stream:
        stage.tell(stage.failures("tgi", "chat", Reason.VALIDATION, HOSTILE, model=HOSTILE))
        sent = await stream.until("failures")
        assert "&lt;script&gt;alert(1)" in sent["failures"]
        assert not any("<script" in part or "\u202e" in part for part in sent.values())


async def test_no_page_has_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", "canary-key")
    secretly = 'vllm: {backend: vllm, api_key: {env: CANARY_KEY}, headers: {X-Key: canary-header}, url: "http://10.4.7.20:8000'
    stage = Stage(parse(THREE.replace('vllm: {backend: vllm, url: "http://10.4.7.20:8000', secretly)).config)
    stage.play(100, 10, lambda name: Reason.AUTH if name == "vllm" else None)
    async with serving(stage) as site:
        for path in (*PATHS, "/config"):
            assert "canary-" not in await site.get(path)


async def test_the_overview_says_who_is_down_and_why_and_where_to_look() -> None:
    stage = three()
    stage.play(1200, 10)
    async with serving(stage) as site:
        assert "All is well." in await site.get("/")
        breaks(stage, "tgi")
        page = await site.get("/")
        assert "tgi answers no chat." in page
        assert "Connect: Connection refused: 10.4.7.21 port 8080." in page
        assert '<a href="/targets/tgi">See why</a>' in page
        assert re.search(r'class="card bad down e-tgi"', page)
        assert "LLMTargetDown" in page
        assert "24 connect" in page


async def test_an_alert_that_goes_by_what_is_sampled_is_told_with_its_target_or_with_chatprobe_itself() -> None:
    stage = three()
    stage.metrics.own.not_configured()
    for dropped in range(60):
        stage.metrics.relay.serve("tgi", "tgi", "10.4.7.21:80", [], [LeftOut("lost", DropReason.BUDGET, dropped)])
        stage.clock.pass_by(30)
        stage.scene.alarms.sample()
    async with serving(stage) as site:
        page, overview = await site.get("/alerts"), await site.get("/")
    (row,) = re.findall(r"<tr>.*LLMConfigReloadFailed.*</tr>", page)
    assert '<td data-label="Target">chatprobe</td>' in row
    (row,) = re.findall(r"<tr>.*LLMNativeSeriesDropped.*</tr>", page)
    assert '<a href="/targets/tgi">' in row
    assert "Not all of the engine&#39;s own metrics of 10.4.7.21:80 are served on (budget)." in row
    assert "LLMConfigReloadFailed" in overview


async def test_of_an_engine_without_a_token_no_empty_course_is_shown_as_one() -> None:
    stage = three()
    stage.play(600, 10, lambda name: Reason.CONNECT if name == "tgi" else None)
    async with serving(stage) as site:
        overview, target = await site.get("/"), await site.get("/targets/tgi")
    assert overview.count("No first token in the last ") == 1
    assert "No first token in the last " in target


async def test_a_failure_is_explained_and_can_be_found_in_the_engines_log() -> None:
    stage = three()
    record = stage.failures("tgi", "chat", Reason.OVERLOADED)
    stage.tell(record)
    stage.tell(stage.chats("tgi", "chat"))
    async with serving(stage) as site:
        page = await site.get("/targets/tgi")
    assert record.request_id in page
    assert "status 429: model is overloaded" in page
    assert "What it can be, and what to do" in page
    assert page.count('class="waterfall') == 3  # the failure among failures too


async def test_a_page_of_a_target_tells_its_next_chat_and_how_it_was_found() -> None:
    stage = three()
    stage.tell(stage.chats("vllm", "chat", certificate_expiry=stage.clock.epoch_seconds() + 86400))
    stage.tell(Skip("ollama", "chat", SkipReason.MODEL_NOT_LOADED, stage.clock.epoch_seconds()))
    stage.tell(Breaker("tgi", open=True))
    async with serving(stage) as site:
        page = await site.get("/targets/vllm")
        assert "in the configuration" in page
        assert "data-due" in page
        assert re.search(r'<dt>Certificate</dt><dd class="misses">until 2027-01-16', page)
        assert "model not loaded" in await site.get("/targets/ollama")
        assert "open: chats are held back" in await site.get("/targets/tgi")


async def test_a_target_that_is_gone_is_said_to_be() -> None:
    stage = three()
    async with serving(stage) as site:
        assert "There is no target" in await site.get("/targets/nobody", 404)
        await site.get("/live/targets/nobody", 404)
        async with following(site, "/targets/tgi") as stream:
            stage.show(roster(stage.config.model_copy(update={"targets": {"vllm": stage.config.targets["vllm"]}})))
            assert await stream.event("anew")
        await site.get("/targets/tgi", 404)
        assert "tgi" not in await site.get("/")


async def test_two_hundred_targets_are_a_table_in_groups_with_what_is_bad_first() -> None:
    stage = many(200)
    name = list(stage.scene.standing.stands)[77]
    stage.play(60, 60)
    stage.play(240, 60, lambda one: Reason.CONNECT if one == name else None)
    async with serving(stage) as site:
        page = await site.get("/")
        rows = re.findall(r'<tr id="target-([^"]*)"', page)
        assert (len(rows), rows[0]) == (200, name)
        assert re.findall(r'class="group"><th scope="rowgroup" colspan="10"><bdi>([^<]*)', page) == [
            "Needs a look",
            "assist",
            "billing",
            "docs-search",
            "research",
            "support",
        ]
        found = re.findall(r'<tr id="target-([^"]*)"', await site.get("/?q=billing+mistral&engine=vllm"))
        assert found
        assert all(one.startswith("billing/vllm") for one in found)
        assert "0 targets" in await site.get("/?q=nothing-like-it")


async def test_a_page_for_a_wall_and_a_theme_of_the_readers_choice() -> None:
    async with serving(three()) as site:
        assert 'class="kiosk"' in await site.get("/?kiosk")
        assert 'data-theme="dark"' in await site.get("/?theme=dark")
        page = await site.get("/?theme=sepia")
        assert "data-theme" not in page
        assert 'class="kiosk"' not in page


async def test_what_is_wrong_with_the_configuration_is_told_and_bounded() -> None:
    stage = three()
    stage.troubles = ("\n".join(f"line {number}" for number in range(13)), "one")
    stage.not_ready = "it is starting"
    async with serving(stage) as site:
        page = await site.get("/")
        assert "line 9</bdi><br>and 3 more" in page
        assert "line 10" not in page
        assert "Not probing: it is starting." in page
        assert "Not probing: it is starting." in await site.get("/health")
        assert "line 12" in await site.get("/configuration")


async def test_without_targets_the_page_says_what_to_do() -> None:
    stage = three()
    stage.show(roster(stage.config.model_copy(update={"targets": {}})))
    async with serving(stage) as site:
        page = await site.get("/")
    assert "There are no targets." in page
    assert "<table" not in page


class Stream:
    """Server-sent events, as a browser reads them."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.parts: dict[str, str] = {}

    async def next(self) -> tuple[str, str]:
        name, data = "message", ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self._response.content:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data += value
                elif field == "" and (data or value):
                    return (name, data) if data else ("comment", value)
        raise EOFError

    async def event(self, wanted: str) -> str:
        while True:
            name, data = await self.next()
            if name == "parts":
                self.parts |= json.loads(data)
            if name == wanted:
                return data

    async def until(self, part: str) -> dict[str, str]:
        """Read on until that part was sent."""
        while part not in self.parts:
            await self.event("parts")
        return self.parts


@asynccontextmanager
async def following(site: Site, path: str, **headers: str) -> AsyncIterator[Stream]:
    """The stream of a page that was just read."""
    page = await site.get(path)
    told: Any = {name: re.search(rf'data-{name}="([^"]*)"', page) for name in ("live", "revision", "arrangement")}
    params = {"since": told["revision"][1], "arrangement": told["arrangement"][1]}
    async with site.session.get(told["live"][1], params=params, headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        yield Stream(response)


async def test_an_open_page_is_sent_what_has_changed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.02)
    stage = three()
    stage.play(100, 10)
    async with serving(stage) as site, following(site, "/") as stream:
        stage.tell(stage.failures("tgi", "chat", Reason.STALLED))
        sent = await stream.until("target-tgi")
        assert "Failing" in sent["target-tgi"]
        assert "tgi has failures." in (await stream.until("headline"))["headline"]
        assert not {"target-vllm", "target-ollama"} & sent.keys()


async def test_who_comes_back_is_sent_what_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.02)
    stage = three()
    stage.play(20, 10)
    async with serving(stage) as site:
        async with following(site, "/") as stream:
            stage.tell(stage.failures("tgi", "chat", Reason.STALLED))
            await stream.until("target-tgi")
        async with following(site, "/", **{"Last-Event-ID": "1"}) as stream:
            assert (await stream.until("target-vllm")).keys() >= {"target-vllm", "target-tgi", "headline"}
        async with following(site, "/", **{"Last-Event-ID": "9" * 400}) as stream:
            assert "headline" in await stream.until("headline")


async def test_a_quiet_stream_shows_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(live, "QUIET_SECONDS", 0.1)
    async with serving(three()) as site, following(site, "/scenarios") as stream:
        assert await stream.event("comment") == "still here"


async def test_a_stream_ends_with_its_time_and_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0.05)
    async with serving(three()) as site, following(site, "/") as stream:
        with pytest.raises(EOFError):
            await stream.event("never")
    monkeypatch.undo()
    async with aiohttp.ClientSession() as session:
        stage = three()
        async with stage.listening() as address:
            response = await session.get(f"http://{address}/live/")
            assert response.status == 200
        with pytest.raises((EOFError, aiohttp.ClientError)):
            await Stream(response).event("never")


async def test_nobody_is_made_pages_for_when_all_have_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(live, "QUIET_SECONDS", 0.02)
    stage = three()
    async with serving(stage) as site:
        async with following(site, "/") as stream:
            await stream.event("comment")
            assert [task.get_name() for task in asyncio.all_tasks() if "_Watched.run" in repr(task.get_coro())]
        await eventually(lambda: not any("_Watched.run" in repr(task.get_coro()) for task in asyncio.all_tasks()))


async def test_targets_may_come_and_go_while_a_page_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SLICE_SECONDS", 0.0)
    stage = many(30)
    stage.play(60, 60)
    whole, some = stage.config.targets, dict(list(stage.config.targets.items())[:12])

    async def change() -> None:
        for targets in (some, whole) * 20:
            stage.show(roster(stage.config.model_copy(update={"targets": targets})))
            for _ in range(7):
                await asyncio.sleep(0)

    async with serving(stage) as site:
        changing = asyncio.create_task(change())
        while not changing.done():
            assert "</main>" in await site.get("/")
        await changing
        assert len(re.findall(r'<tr id="target-', await site.get("/"))) == 30


async def test_a_page_that_breaks_is_logged_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.02)
    stage = three()
    stage.play(20, 10)
    async with serving(stage) as site, following(site, "/") as stream:
        asked = asyncio.Event()

        def broken(*_: object) -> None:
            asked.set()
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(stage.history, "window", broken)
            stage.tell(stage.chats("tgi", "chat"))
            await asyncio.wait_for(asked.wait(), PATIENCE_SECONDS)
        stage.tell(stage.failures("tgi", "chat", Reason.STALLED))
        assert "Failing" in (await stream.until("target-tgi"))["target-tgi"]
