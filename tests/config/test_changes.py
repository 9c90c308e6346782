from __future__ import annotations

import pytest

from config.changes import Changes, changes
from config.model import Config
from config.reader import parse

BASE = """
targets: {a: {backend: vllm, url: http://a}, b: {backend: vllm, url: https://b, headers: {X: one}}}
scenarios: {beat: {every: 15s}, chat: {users: 5}}
slos: {s: {scenario: beat, objective: 99%}}
"""


def read(text: str) -> Config:
    return parse(text, environ={"KEY": "x"}).config


def test_nothing_changes_where_the_same_is_written_otherwise() -> None:
    found = changes(read(BASE), read(BASE.replace("15s", "0.25m").replace("http://a", "http://a/") + "limits: {streams: 500}\n"))
    assert found == Changes()
    assert list(found.lines()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BASE.replace("{a:", "{c: {backend: tgi, url: http://c}, a:"), Changes(targets_added=("c",))),
        (BASE.replace("a: {backend: vllm, url: http://a}, ", ""), Changes(targets_removed=("a",))),
        (BASE.replace("X: one", "X: two"), Changes(targets_changed=("b",))),
        (BASE.replace("{a:", "{c:"), Changes(targets_added=("c",), targets_removed=("a",))),
        (BASE.replace("15s", "16s").replace("users: 5", "users: 6"), Changes(scenarios_changed=("beat", "chat"))),
        (BASE.replace("chat: {users: 5}", "talk: {users: 5}"), Changes(scenarios_added=("talk",), scenarios_removed=("chat",))),
        (BASE.replace("99%", "98%"), Changes(slos_changed=("s",))),
        (BASE.replace("slos: {s:", "slos: {t:"), Changes(slos_added=("t",), slos_removed=("s",))),
        (BASE + "web: {listen: '127.0.0.1:1'}\n", Changes(needs_restart=("web.listen",))),
        (BASE + "metrics: {native_histograms: true}\n", Changes(needs_restart=("metrics.native_histograms",))),
        (BASE + "workers: auto\n", Changes()),
        (BASE + "workers: 2\n", Changes(settings_changed=("workers",))),
        (BASE + "web: {lifecycle: true}\n", Changes(settings_changed=("web.lifecycle",))),
        (BASE + "limits: {streams: 1, tokens_per_hour: 5}\n", Changes(settings_changed=("limits.streams", "limits.tokens_per_hour"))),
        (
            BASE.replace("{a: {", "{a: {metrics: false, ") + "limits: {load_share: 5%}\nnative: {relay: false, timeout: 4s}\n",
            Changes(targets_changed=("a",), settings_changed=("limits.load_share", "native.timeout", "native.relay")),
        ),
        (
            BASE + "discovery: {files: [/a]}\ncredentials: [{host: h, api_key: {env: KEY}}]\nsecret_dirs: [/keys]\n",
            Changes(settings_changed=("discovery.files", "credentials", "secret_dirs")),
        ),
    ],
)
def test_changes(text: str, expected: Changes) -> None:
    assert changes(read(BASE), read(text)) == expected


def test_lines() -> None:
    found = Changes(targets_added=("a", "b"), scenarios_removed=("c",), settings_changed=("limits.streams",), needs_restart=("web.listen",))
    assert list(found.lines()) == ["targets added: a, b", "scenarios removed: c", "settings changed: limits.streams", "needs a restart: web.listen"]


def test_no_secret_is_told() -> None:
    found = changes(read(BASE), read(BASE.replace("X: one", "X: hunter2")))
    assert "hunter2" not in repr(found) + "".join(found.lines())
