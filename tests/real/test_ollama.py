"""Against a real Ollama: chatprobe is a guest, and loads nothing for itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.real.ollama_user import CONTEXT, FAR_AWAY, LOADED_WITHIN_SECONDS, MODEL, User, beside, counted
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.real

VARIABLE = "CHATPROBE_OLLAMA_URL"
COPY, DERIVED, THREADS = "guest-copy", "guest-derived", "guest-threads"


@pytest.fixture(scope="module")
def url() -> str:
    """Of the real Ollama at hand. It needs Go, and so may be absent anywhere."""
    found = os.environ.get(VARIABLE)
    if not found:
        pytest.skip(f"{VARIABLE} is not set; tests/real/ollama/up starts the engine, where go is at hand")
    return found


@pytest.fixture(scope="module")
def user(url: str) -> Iterator[User]:
    """Has three more models made of `tiny`: a copy, one with another system text, and one with other load options."""
    one = User(url)
    one.ask("/api/copy", {"source": MODEL, "destination": COPY})
    one.ask("/api/create", {"model": DERIVED, "from": MODEL, "system": "Be brief.\nFROM nothing", "stream": False})
    one.ask("/api/create", {"model": THREADS, "from": MODEL, "parameters": {"num_thread": 2}, "stream": False})
    yield one
    for model in (COPY, DERIVED, THREADS):
        asked = urllib.request.Request(f"{url}/api/delete", json.dumps({"model": model}).encode(), method="DELETE")
        urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS).close()
    one.unload(MODEL)


@pytest.fixture
def kept(user: User) -> Iterator[User]:
    """The model is in memory as the user has it, and is to be so afterwards, without a load in between."""
    user.chat()
    yield user
    assert user.chat().load_seconds < LOADED_WITHIN_SECONDS
    (one,) = user.in_memory()
    assert (one["context_length"], one["expires_at"][:4] > FAR_AWAY) == (CONTEXT, True)


def probe(url: str, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "probe", url, "--backend", "ollama", "--output", "json", "--no-chunks", "--max-tokens", "8", *options],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("model", [MODEL, MODEL.upper(), f"library/{MODEL}", f"{MODEL}:local", COPY, DERIVED])
def test_every_name_of_the_model_in_memory_is_chatted_with_in_its_context(model: str, kept: User) -> None:
    code, records, said = probe(kept.url, "--model", model, "--count", "3")
    assert (code, said, [record["outcome"] for record in records], {record["load"] for record in records}) == (0, "", ["ok"] * 3, {None})


def test_without_a_name_the_model_in_memory_is_taken(kept: User) -> None:
    code, (record,), said = probe(kept.url)
    assert (code, said, record["load"]) == (0, "", None)
    assert record["model"].partition(":")[0] in (MODEL, COPY)


@pytest.mark.parametrize("model", ["rep", THREADS])
def test_what_is_not_in_memory_as_it_is_stays_so(model: str, kept: User) -> None:
    code, records, said = probe(kept.url, "--model", model)
    assert (code, records) == (1, [])
    assert f"Ollama has not loaded {model}" in said


def test_a_model_that_it_lacks_and_one_that_another_server_has_are_for_the_chat_to_show(kept: User) -> None:
    for model, reason in (("no-such-model", "model_missing"), ("no-such-model:cloud", "auth")):
        code, (record,), _ = probe(kept.url, "--model", model)
        assert (code, record["reason"]) == (1, reason)


def test_fifty_chats_and_the_tokens_are_those_of_its_own_count_by_the_kernels_clock(kept: User) -> None:
    code, records, said = probe(kept.url, "--model", MODEL, "--count", "50", "--concurrency", "8")
    assert (code, said, [record["outcome"] for record in records]) == (0, "", ["ok"] * 50)
    assert ({record["clock"] for record in records}, {record["token_source"] for record in records}) == ({"kernel"}, {"usage"})
    assert {record["output_tokens"] for record in records} == {8}


def test_serve_beside_a_user_loads_nothing(kept: User) -> None:
    with beside(kept.url, every="1s") as serving:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while counted(serving.web, "chatprobe_probes_total") < 10 and time.monotonic() < deadline:
            assert kept.chat().load_seconds < LOADED_WITHIN_SECONDS
        assert counted(serving.web, "chatprobe_probes_total") >= 10
        assert counted(serving.web, "chatprobe_probe_failures_total") == 0
        assert counted(serving.web, "chatprobe_unwanted_loads_total") == 0


def test_other_load_options_of_users_cost_them_two_loads_and_no_more(user: User) -> None:
    """A model as small as this loads within a part of a second; one of a second or more is held back at once."""
    user.chat(num_thread=2)
    with beside(user.url, every="1s") as serving:
        deadline = time.monotonic() + PATIENCE_SECONDS
        for loads in (1, 2):
            while counted(serving.web, "chatprobe_unwanted_loads_total") < loads and time.monotonic() < deadline:
                time.sleep(0.2)
            assert user.chat(num_thread=2).load_seconds > LOADED_WITHIN_SECONDS
        while counted(serving.web, 'chatprobe_probe_skipped_total{reason="loads_model"}') < 3 and time.monotonic() < deadline:
            assert user.chat(num_thread=2).load_seconds < LOADED_WITHIN_SECONDS
        assert counted(serving.web, 'chatprobe_probe_skipped_total{reason="loads_model"}') >= 3
        assert counted(serving.web, "chatprobe_unwanted_loads_total") == 2


def test_a_model_that_was_unloaded_stays_unloaded_beside_serve(user: User) -> None:
    user.chat()
    user.unload(MODEL)
    with beside(user.url, every="1s") as serving:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while counted(serving.web, 'chatprobe_probe_skipped_total{reason="model_not_loaded"}') < 3 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert counted(serving.web, 'chatprobe_probe_skipped_total{reason="model_not_loaded"}') >= 3
        assert (counted(serving.web, "chatprobe_probes_total"), user.in_memory()) == (0, [])


def test_a_load_that_is_allowed_is_apart_from_the_chats(user: User) -> None:
    user.unload(MODEL)
    code, records, said = probe(user.url, "--model", MODEL, "--load-model", "--count", "3", "--concurrency", "3")
    assert (code, {record["load"] for record in records}, f"Ollama has loaded {MODEL} in " in said) == (0, {None}, True)
    user.unload(MODEL)
    with beside(user.url, every="1s", more=", load_model: true") as serving:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while counted(serving.web, "chatprobe_probes_total") < 3 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert counted(serving.web, "chatprobe_model_load_seconds_count") == 1
        assert counted(serving.web, "chatprobe_ttft_seconds_count") == counted(serving.web, "chatprobe_probes_total")
        assert counted(serving.web, "chatprobe_probe_failures_total") == 0
