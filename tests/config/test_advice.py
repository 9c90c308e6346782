from __future__ import annotations

import pytest

from config.reader import parse

BEAT = "scenarios: {beat: {every: 15s}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "targets: {v: {backend: vllm, url: http://v, api_key: {env: KEY}}}\n" + BEAT,
            ["1:35: targets.v.url: carries the key in clear text over the network; write https://"],
        ),
        (
            "targets: {v: {backend: vllm, url: http://v, headers: {Authorization: hunter2}}}\n" + BEAT,
            ["1:35: targets.v.url: carries the key in clear text over the network; write https://"],
        ),
        (
            "targets: {v: {backend: vllm, url: https://v, tls: {insecure: true}}}\n" + BEAT,
            ["1:62: targets.v.tls.insecure: accepts any certificate, an attacker's too; write ca_file: PATH"],
        ),
        (
            "targets: {o: {backend: ollama, url: http://o}}\n" + BEAT,
            [
                "2:27: scenarios.beat.every: more often than Ollama's keep-alive of 5m pins the model in memory (o); "
                "write 6m or more if it should be let go"
            ],
        ),
        (
            "targets: {v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 1s}}\n",
            [
                "2:27: scenarios.beat.every: a target that hangs would hold 120 chats at once, more than limits.streams_per_target (100); "
                "write a longer every, or a shorter timeout"
            ],
        ),
        ("targets: {v: {backend: vllm, url: http://v}}\n" + BEAT, []),
        ("targets: {v: {backend: vllm, url: 'http://[::1]:8000', api_key: {env: KEY}}}\n" + BEAT, []),
        ("targets: {v: {backend: vllm, url: http://127.0.0.2, api_key: {env: KEY}}}\n" + BEAT, []),
        ("targets: {v: {backend: vllm, url: http://localhost, api_key: {env: KEY}}}\n" + BEAT, []),
        ("targets: {v: {backend: vllm, url: https://v, api_key: {env: KEY}}}\n" + BEAT, []),
        ("targets: {o: {backend: ollama, url: http://o}}\nscenarios: {beat: {every: 5m}}\n", []),
        (
            "targets: {o: {backend: ollama, url: http://o}, v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s, targets: [v]}}\n",
            [],
        ),
    ],
)
def test_warnings(text: str, expected: list[str]) -> None:
    loaded = parse(text, environ={"KEY": "hunter2"})
    assert [str(warning) for warning in loaded.warnings] == [f"chatprobe.yaml:{line}" for line in expected]
