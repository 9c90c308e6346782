"""Endings of URLs that chatprobe adds itself."""

from __future__ import annotations

import pytest

from config.endings import without_ending
from config.reader import parse


@pytest.mark.parametrize(
    ("url", "backend", "chat_path", "expected"),
    [
        ("http://h:8000/v1", "vllm", None, ("http://h:8000", "/v1")),
        ("http://h/gateway/v1/chat/completions", "openai", None, ("http://h/gateway", "/v1/chat/completions")),
        ("http://h/v1/models", "openai", None, ("http://h", "/v1/models")),
        ("http://h/api/chat", "ollama", None, ("http://h", "/api/chat")),
        ("http://h/api", "ollama", None, ("http://h", "/api")),
        ("http://h/api/ps", "ollama", None, ("http://h", "/api/ps")),
        ("http://h/api", "openai", None, ("http://h/api", "")),
        ("http://h/metrics", "vllm", None, ("http://h", "/metrics")),
        ("http://h/generate_stream", "tgi", None, ("http://h", "/generate_stream")),
        ("http://h/api", None, None, ("http://h", "/api")),
        ("http://h/v1", None, None, ("http://h", "/v1")),
        ("http://h/notv1", "vllm", None, ("http://h/notv1", "")),
        ("http://h/v1", "openai", "/chat/completions", ("http://h/v1", "")),
        ("http://h/v3/chat/completions", "openai", "/chat/completions", ("http://h/v3", "/chat/completions")),
    ],
)
def test_what_is_taken_off(url: str, backend: str | None, chat_path: str | None, expected: tuple[str, str]) -> None:
    assert without_ending(url, backend, chat_path) == expected


def test_it_is_told_where_it_stands() -> None:
    loaded = parse("targets:\n  v: {backend: vllm, url: http://v/v1/}\n  w: {backend: vllm, url: http://w}\nscenarios: {b: {every: 15s}}\n")
    assert {name: target.url for name, target in loaded.config.targets.items()} == {"v": "http://v", "w": "http://w"}
    [warning] = loaded.warnings
    assert str(warning) == (
        "chatprobe.yaml:2:27: targets.v.url: ends in /v1, which chatprobe adds itself where it is needed, and takes off here; leave it out"
    )


@pytest.mark.parametrize("folder", ["/v4", "/v3", "/v1beta/openai"])
def test_a_folder_of_another_version_is_told_unless_the_path_of_chats_is(folder: str) -> None:
    targets = f"  v: {{backend: openai, url: http://v/api{folder}}}\n  w: {{backend: openai, url: http://w{folder}, chat_path: /chat/completions}}\n"
    loaded = parse(f"targets:\n{targets}  o: {{backend: ollama, url: http://o{folder}}}\nscenarios: {{b: {{every: 6m}}}}\n")
    assert [str(warning) for warning in loaded.warnings] == [
        f"chatprobe.yaml:2:29: targets.v.url: ends in {folder}, behind which chatprobe adds the API's own path, with its /v1; "
        f"if chats are at {folder}/chat/completions, write chat_path: /chat/completions"
    ]
