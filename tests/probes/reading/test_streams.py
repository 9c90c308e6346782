"""What chatprobe makes of a stream, beside what the `openai` package makes of the same bytes, which is what users have.

`streams/*.http` are answers as servers send them, to the byte; `<<pause 20ms>>` in one is a pause, `<<reset>>` and
`<<hold>>` at its end leave the connection reset or open instead of closed. `reading.yaml` has what is right.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from probes.ask import Ask, Endpoint, Timeouts
from probes.control_clients import TRUSTS_NOBODY
from probes.probing import Prober
from probes.record import ChatRecord
from tests.servers import Peer, Script, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOLDER = Path(__file__).parent
STREAMS = sorted((FOLDER / "streams").glob("*.http"))
TIMEOUTS = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)
MARKS = re.compile(rb"<<(pause [0-9]+ms|reset|hold)>>")


@dataclass(frozen=True)
class Reading:
    """What a client makes of a stream: the answer's text, the engine's count of its tokens, and why it ended, well or not."""

    text: str = ""
    tokens: object = None
    finish: str | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Expected:
    """What stands in `reading.yaml` of one stream."""

    text: str = ""
    tokens: int | None = None
    finish: str | None = None
    reason: str | None = None
    detail: str = ""
    encoding: str | None = None
    chunks: list[int | None] | None = None
    chunk_tokens: str | None = None
    openai: dict[str, object] = field(default_factory=dict)
    why: str | None = None

    @property
    def reading(self) -> Reading:
        return Reading(self.text, self.tokens, self.finish, self.reason)

    def difference(self) -> dict[str, object]:
        """Where the `openai` package reads something else; of a failure only whether there is one."""
        ours = {"text": self.text, "tokens": self.tokens, "finish": self.finish, "failure": self.reason}
        return {name: value for name, value in self.openai.items() if (bool(value) != bool(ours[name]) if name == "failure" else value != ours[name])}


EXPECTED = {name: Expected(**fields) for name, fields in yaml.safe_load((FOLDER / "reading.yaml").read_text()).items()}


def playing(path: Path) -> Script:
    """Answers one request with the bytes of a file."""
    parts = MARKS.split(path.read_bytes())

    def script(peer: Peer) -> None:
        peer.request()
        for data, mark in zip(parts[::2], [*parts[1::2], b""], strict=True):
            if data:
                peer.send(data)
            if mark == b"reset":
                peer.reset()
            elif mark == b"hold":
                peer.await_client_gone()
            elif mark:
                threading.Event().wait(int(mark[6:-2]) / 1000)

    return script


def read_by_openai(url: str) -> Reading:
    """What a program that uses the `openai` package has of a chat: the text, and whatever is raised."""
    import openai  # takes half a second to load, in every process that collects tests

    text, tokens, finish = "", None, None
    failure: str | None = None
    try:
        plain = openai.DefaultHttpxClient(verify=TRUSTS_NOBODY)  # by itself it reads the system's authorities each time
        with openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0, timeout=5, http_client=plain) as client:
            for chunk in client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True):
                if getattr(chunk, "usage", None):
                    tokens = getattr(chunk.usage, "completion_tokens", None)
                for choice in (getattr(chunk, "choices", None) or [])[:1]:
                    delta = choice.delta
                    said = (getattr(delta, "content", None), getattr(delta, "refusal", None))
                    text += "".join(part for part in said if isinstance(part, str))
                    finish = choice.finish_reason or finish
    except (openai.OpenAIError, ValueError, RecursionError) as error:
        failure = type(error).__name__
    return Reading(text, tokens, finish, failure)


def read_by_chatprobe(record: ChatRecord) -> Reading:
    tokens = record.output_tokens if record.token_source == "usage" else None
    return Reading(record.text, tokens, record.finish_reason, record.reason)


async def test_each_stream_has_its_expectation_and_there_are_enough() -> None:
    assert {path.stem for path in STREAMS} == set(EXPECTED)
    assert len(STREAMS) >= 100


@pytest.mark.parametrize("path", STREAMS, ids=[path.stem for path in STREAMS])
async def test_chatprobe_reads_what_is_right(path: Path, prober: Prober, ask: Ask) -> None:
    expected = EXPECTED[path.stem]
    with serving(playing(path)) as server:
        record = await prober.chat(Endpoint("engine", "openai", server.url), ask, scenario="reading", timeouts=TIMEOUTS)
    assert read_by_chatprobe(record) == expected.reading
    assert record.outcome == ("failed" if expected.reason else "ok")
    assert expected.detail in (record.failure.detail if record.failure else "")
    assert record.content_encoding == expected.encoding
    if expected.chunks is not None:
        assert [chunk.tokens for chunk in record.chunks] == expected.chunks
        assert record.chunk_token_source == expected.chunk_tokens
    assert json.dumps(record.to_json(text=True), allow_nan=False)


@pytest.mark.parametrize("path", STREAMS, ids=[path.stem for path in STREAMS])
async def test_the_openai_package_reads_the_same_or_it_is_said_why_not(path: Path) -> None:
    expected = EXPECTED[path.stem]
    with serving(playing(path)) as server:
        theirs = await asyncio.to_thread(read_by_openai, server.url)
    same = {"text": expected.text, "tokens": expected.tokens, "finish": expected.finish}
    for name, value in {**same, **{name: value for name, value in expected.openai.items() if name != "failure"}}.items():
        assert getattr(theirs, name) == value, name
    if "failure" in expected.openai:
        assert theirs.failure == expected.openai["failure"]
    else:
        assert bool(theirs.failure) == bool(expected.reason)


@pytest.mark.parametrize("name", EXPECTED)
async def test_every_difference_is_one_and_is_explained(name: str) -> None:
    expected = EXPECTED[name]
    assert expected.difference() == expected.openai
    assert bool(expected.openai) == (expected.why is not None)
