"""docs/configuration.md says of every key what the model says: its default, and what it is for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from config.base import Section
from config.bench import Bench
from config.effective import effective
from config.engine_metrics import Native
from config.model import Config
from config.prompt import SyntheticPrompt, TextPrompt
from config.reader import parse
from config.rules import OURS
from config.sections import SECTIONS
from config.targets import SecretRef
from probes.ask import Timeouts
from probes.spare import SPARE

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
WRITTEN_OTHERWISE = {
    "first_token_timeout": f"`{Timeouts().first_token_seconds:.0f}s`",
    "stall_timeout": f"`{Timeouts().stall_seconds:.0f}s`",
    "load_timeout": "`5m`",
    "window": "`30d`",
    "keep": "`7d`",
    "size": "`1GiB`",
    "grace": "`30s`",
    "pause": "`1s`",
    "objective": "`95%`",
    "resolution": "`5%`",
    "prompt": "`short-question`",
    "thinking": "`off`",
    "interval": "`15s`",
    "metrics": "`{path: /metrics}`",
    "deny": "`vllm:lora_requests_info`",
    "prefer": "`route`, `ingress`, `nodeport`, `service`",
    "prometheus": "`2.42`",
    "scrape_interval": "`30s`",
    "evaluation_interval": "`30s`",
    "alertmanager": "`0.25`",
    "secret_dirs": "`/run/secrets`, `/var/run/secrets/chatprobe`",
}


def rows(section: type[Section]) -> list[str]:
    found = []
    for name, field in section.model_fields.items():
        key = field.alias or name
        found.append(f"| `{key}` | {default(section, key, field.default)} | {field.description} |")
    return found


def default(section: type[Section], key: str, value: object) -> str:
    if value is PydanticUndefined:
        return "must be given"
    if key == "timeout":
        return "`5s`" if section is Native else "`120s`"
    if key in WRITTEN_OTHERWISE and (section, key) not in ((Config, "metrics"), (Bench, "objective")):
        return WRITTEN_OTHERWISE[key]
    if value is None or isinstance(value, Section) or value in ({}, ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@pytest.mark.parametrize("section", [*SECTIONS.values()], ids=lambda section: section.__name__)
def test_every_key(section: type[Section]) -> None:
    missing = [row for row in rows(section) if row not in PAGE]
    assert not missing, "\n".join(["docs/configuration.md lacks:", *missing])


def test_the_defaults_that_are_written_otherwise_are_right() -> None:
    text = "targets: {v: {backend: vllm, url: http://v}}\nscenarios: {b: {every: 15s}}\nslos: {s: {scenario: b, objective: 99%}}\n"
    shown = effective(parse(text).config)
    assert "timeout: 2m\n" in shown
    assert "interval: 15s\n  timeout: 5s\n" in shown
    assert "metrics:\n      path: /metrics\n" in shown
    for line in (
        "first_token_timeout: 30s",
        "stall_timeout: 10s",
        "window: 30d",
        "grace: 30s",
        "pause: 1s",
        "prompt: short-question",
        "thinking: 'off'",
        "- /run/secrets",
        "- vllm:lora_requests_info",
        "prometheus: '2.42'",
        "scrape_interval: 30s",
        "evaluation_interval: 30s",
    ):
        assert f"{line}\n" in shown


def test_prompts() -> None:
    for section in (SyntheticPrompt, TextPrompt):
        for key in section.model_fields:
            assert f"`{{{key}: " in PAGE


def test_headers_that_are_refused() -> None:
    sentence = PAGE[PAGE.index("Headers that chatprobe sets itself") :].partition(" are refused")[0]
    assert {name.lower() for name in re.findall("`([A-Z][A-Za-z-]+)`", sentence)} == OURS | {"authorization"}


def test_secret_reference_is_documented_as_it_is() -> None:
    assert set(SecretRef.model_fields) == {"file", "env"}
    assert "`{file: PATH}`" in PAGE


def test_what_it_costs_to_leave_a_field_out() -> None:
    for name, cost in SPARE.items():
        assert f"| `{name}` | {cost} |\n" in PAGE
