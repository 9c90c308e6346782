"""Whatever is written, the reader answers with a configuration or with a `ConfigError`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.model import Config
from config.problems import ConfigError
from config.reader import parse, read
from config.sections import SECTIONS, keys

WORDS = sorted({key for section in SECTIONS.values() for key in keys(section)})
VALUES = [
    "15s",
    "1m",
    "99%",
    "vllm",
    "tgi",
    "ollama",
    "http://v",
    "/metrics",
    "vllm:*",
    "https://v",
    "short-question",
    "cold",
    "fresh",
    "key",
    "a",
    "b",
    "on",
    "auto",
    "2/s",
    "Mon 08:00-18:00",
    "*",
]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(VALUES)
names = st.sampled_from(["a", "b"])
words = st.sampled_from(WORDS)


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(words | names, inner, max_size=5)


plausible = st.recursive(scalars, _nested, max_leaves=20)
entries = st.dictionaries(names, st.dictionaries(words, plausible, max_size=6) | plausible, max_size=2)
sections = {
    "targets": entries,
    "scenarios": entries,
    "slos": entries,
    "limits": plausible,
    "native": plausible,
    "web": plausible,
    "discovery": plausible,
    "credentials": st.lists(st.dictionaries(words, plausible, max_size=5) | plausible, max_size=2),
}
configurations = st.fixed_dictionaries({}, optional=sections) | plausible


def attempt(text: str) -> None:
    with suppress(ConfigError):
        assert isinstance(parse(text, environ={"a": "x"}).config, Config)


@given(configurations)
@settings(max_examples=300, deadline=None)
def test_any_structure(data: object) -> None:
    attempt(yaml.safe_dump(data, allow_unicode=True))


@given(st.text(max_size=60) | st.text("&*!<{}[]:,-#|>%@`'\"\t\n ?=~.ab12", max_size=60))
@example("? [a]\n: b")
@example("a: &a {<<: [*a, *a]}")
@example("!!set {a, b}")
@example("a: !!int x")
@example("a: !!float .")
@example("- &a\n- *a")
@example("\ud800")
@example("%YAML 9.9\n---\na: b")
@example(f"%YAML 1.{'9' * 5000}\n---\na: b")
@example('a: "\\UFFFFFFFF"')
@example('a: "\\U00110000"')
@settings(max_examples=500, deadline=None)
def test_any_text(text: str) -> None:
    attempt(text)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\xff\xfe\x00\x00", b"\xef\xbb\xbf", b"{" * 100_000, b"- " * 100_000, b"? " * 50_000])
def test_any_bytes(raw: bytes, tmp_path: Path) -> None:
    file = tmp_path / "chatprobe.yaml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        read([file])
    assert len(caught.value.problems) == 1
