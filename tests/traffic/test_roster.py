from __future__ import annotations

from pathlib import Path

import pytest

from config.reader import parse
from config.references import MOST_PAIRED
from config.secrets import SecretError, Secrets
from probes.ask import Endpoint, Tls
from traffic.roster import Roster, enlist, roster

TEXT = """
targets: {own: {backend: vllm, url: http://own}}
scenarios: {beat: {every: 1m}, race: {every: 1m, pair: true}, few: {every: 1m, pair: true, targets: [own, "t1*"]}}
discovery: {files: [a]}
"""


def whole(discovered: int) -> Roster:
    config = parse(TEXT).config
    return roster(
        config, {name: enlist(name, config.targets["own"], Secrets(), "files") for name in (f"t{number:02}" for number in range(discovered))}
    )


def test_a_scenario_is_for_all_of_its_targets_and_compares_the_first_of_them() -> None:
    many = whole(30)
    beat, race, few = (many.config.scenarios[name] for name in ("beat", "race", "few"))
    assert (len(many.of(beat)), many.left_out(beat)) == (31, ())
    assert many.of(race) == tuple(many.members)[:MOST_PAIRED]
    assert many.of(race) + many.left_out(race) == tuple(many.members)
    assert (many.of(few), many.left_out(few)) == (("own", *(f"t{number}" for number in range(10, 20))), ())


def test_as_many_as_can_be_compared_are() -> None:
    many = whole(MOST_PAIRED - 1)
    race = many.config.scenarios["race"]
    assert (len(many.of(race)), many.left_out(race)) == (MOST_PAIRED, ())


SECRET = """
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
    found = roster(parse(SECRET, str(key.parent / "chatprobe.yaml")).config).endpoints
    assert found == {
        "vllm": Endpoint(
            "vllm", "vllm", "https://engine:8000", "tiny", api_key="canary-key", headers={"X-Tenant": "canary-header"}, tls=Tls(insecure=True)
        ),
        "ollama": Endpoint("ollama", "ollama", "http://engine:11434", load_model=True),
        "tgi": Endpoint("tgi", "tgi", "http://engine:8080", api="generate"),
    }
    assert "canary" not in repr(found)


def test_a_secret_that_went_away_is_an_error_that_does_not_show_it(key: Path) -> None:
    config = parse(SECRET, str(key.parent / "chatprobe.yaml")).config
    key.unlink()
    with pytest.raises(SecretError, match="key: No such file"):
        roster(config)
