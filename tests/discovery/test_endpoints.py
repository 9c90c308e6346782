from __future__ import annotations

from pathlib import Path

import pytest

from config.reader import parse
from config.secrets import SecretError
from discovery.endpoints import endpoints
from probes.ask import Endpoint, Tls

YAML = """
targets:
  vllm:
    backend: vllm
    url: https://engine:8000
    model: tiny
    api_key: {file: key}
    headers: {X-Tenant: canary-header}
    tls: {insecure: true}
  ollama: {backend: ollama, url: "http://engine:11434", load_model: true}
  tgi: {backend: tgi, url: "http://engine:8080", api: generate}
scenarios:
  heartbeat: {every: 15s, prompt: {text: Hello}}
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    key = tmp_path / "key"
    key.write_text("canary-key\n")
    return key


def test_a_configured_target_becomes_an_endpoint_with_its_secrets(key: Path) -> None:
    found = endpoints(parse(YAML, str(key.parent / "chatprobe.yaml")).config.targets)
    assert found == {
        "vllm": Endpoint(
            "vllm", "vllm", "https://engine:8000", "tiny", api_key="canary-key", headers={"X-Tenant": "canary-header"}, tls=Tls(insecure=True)
        ),
        "ollama": Endpoint("ollama", "ollama", "http://engine:11434", load_model=True),
        "tgi": Endpoint("tgi", "tgi", "http://engine:8080", api="generate"),
    }
    assert "canary" not in repr(found)


def test_a_secret_that_went_away_is_an_error_that_does_not_show_it(key: Path) -> None:
    config = parse(YAML, str(key.parent / "chatprobe.yaml")).config
    key.unlink()
    with pytest.raises(SecretError, match="key: No such file"):
        endpoints(config.targets)
