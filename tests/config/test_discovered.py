from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.discovered import read_targets
from config.places import MAX_BYTES
from config.problems import ConfigError
from config.targets import Target
from probes.adaptation import Adaptation
from tests.engine_lists import filled

BACKENDS = filled("{backends}")
ONE_OF_THEM = filled("vllm (or {other backends})")

FORMS = "write targets: {NAME: {backend: vllm, url: http://HOST:PORT}}, or a list as Prometheus' file_sd takes it"
NO_ADDRESS = "is no address; write HOST:PORT, without scheme, user and path"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "targets.yaml"


def read(file: Path, text: str) -> dict[str, Target]:
    file.write_text(text)
    return dict(read_targets(file).targets)


def problems(file: Path, raw: bytes) -> list[str]:
    file.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        read_targets(file)
    assert "hunter2" not in str(caught.value)
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


def test_our_own_form(file: Path) -> None:
    found = read(
        file, "targets:\n  a: {backend: vllm, url: http://10.0.0.1:8000/}\n  ns/b: {backend: tgi, url: https://b, model: m, api: generate}\n"
    )
    assert found == {
        "a": Target(backend="vllm", url="http://10.0.0.1:8000"),
        "ns/b": Target(backend="tgi", url="https://b", model="m", api="generate"),
    }


def test_what_its_server_wants_otherwise(file: Path) -> None:
    settings = "omit: [seed], extra_body: {top_p: 1}, max_tokens_field: max_completion_tokens, chat_path: /chat/completions"
    [found] = read(file, f"targets:\n  a: {{backend: openai, url: http://10.0.0.1/v3, {settings}}}\n").values()
    assert (found.url, found.adaptation) == (
        "http://10.0.0.1/v3",
        Adaptation(frozenset({"seed"}), {"top_p": 1}, "max_completion_tokens", "/chat/completions"),
    )
    assert [target.adapter for target in read(file, "targets: {a: {backend: tgi, url: http://a, adapter: sql}}").values()] == ["sql"]
    groups = [{"targets": ["10.0.0.1:80"], "labels": {"backend": "openai", "chat_path": "/chat"}}]
    assert [target.chat_path for target in read(file, json.dumps(groups)).values()] == ["/chat"]


def test_what_is_not_for_others_to_say(file: Path) -> None:
    text = b"targets:\n  a: {backend: vllm, url: 'http://${HOST}', query: {key: hunter2}}\n"
    query, place = problems(file, text)
    assert query.endswith(
        "targets.a.url: holds a place for the variable HOST, which is not expanded here; "
        "write the value itself, or fill it in before (envsubst, Helm)"
    )
    assert place.endswith("targets.a.query: is for targets of the main configuration only; leave it out")


def test_the_form_of_prometheus(file: Path) -> None:
    groups = [
        {"targets": ["10.0.0.1:8000", "vllm.example.com"], "labels": {"backend": "vllm", "model": "m", "env": "prod", "__meta_x": "y"}},
        {"targets": ["[fd00::1]:8443"], "labels": {"backend": "tgi", "scheme": "https", "api": "generate", "name": "six"}},
        {"targets": ["[fd00::2]:80"], "labels": {"backend": "ollama"}},
        {"targets": []},
    ]
    assert read(file, json.dumps(groups)) == {
        "10.0.0.1-8000": Target(backend="vllm", url="http://10.0.0.1:8000", model="m"),
        "vllm.example.com": Target(backend="vllm", url="http://vllm.example.com", model="m"),
        "six": Target(backend="tgi", url="https://[fd00::1]:8443", api="generate"),
        "fd00--2--80": Target(backend="ollama", url="http://[fd00::2]:80"),
    }


@pytest.mark.parametrize(("labels", "url"), [("__scheme__: https", "https://a:1"), ("__scheme__: https, scheme: http", "http://a:1")])
def test_the_scheme_that_prometheus_goes_by(file: Path, labels: str, url: str) -> None:
    assert read(file, f"[{{targets: ['a:1'], labels: {{backend: vllm, {labels}}}}}]")["a-1"].url == url


def test_a_name_for_several_targets_names_none(file: Path) -> None:
    found = read(file, "- targets: [a:1, b:2]\n  labels: {backend: vllm, name: both}\n")
    assert list(found) == ["a-1", "b-2"]


@pytest.mark.parametrize("indent", ["\t", "  ", None])
def test_json_however_it_is_indented(file: Path, indent: str | None) -> None:
    text = json.dumps({"targets": {"a": {"backend": "vllm", "url": "http://a", "model": "\N{GRINNING FACE}"}}}, indent=indent)
    assert read(file, text)["a"].model == "\N{GRINNING FACE}"
    assert read(file, f"\N{BOM}{text}")["a"].model == "\N{GRINNING FACE}"


@pytest.mark.parametrize("text", ["targets: {}", "{}\n", "[]", '{"targets": {}}'])
def test_no_targets(file: Path, text: str) -> None:
    if text == "{}\n":
        assert problems(file, text.encode()) == [f"1:1: has no targets; {FORMS}"]
    else:
        assert read(file, text) == {}


OURS = [
    (b"", [f"1:1: the file is empty; {FORMS}"]),
    (b"# to come\n", [f"1:1: the file is empty; {FORMS}"]),
    (b"targets:\n", ["1:9: targets: is no map of targets; write {NAME: {backend: vllm, url: http://HOST:PORT}}"]),
    (b"hunter2", [f"1:1: is no file of targets; {FORMS}"]),
    (b"target: {}\n", ["1:1: target: is no key here; did you mean targets?", f"1:1: has no targets; {FORMS}"]),
    (b"targets: [a]\n", ["1:10: targets: is no map of targets; write {NAME: {backend: vllm, url: http://HOST:PORT}}"]),
    (b"targets: {a: http://a}\n", ["1:14: targets.a: is no target; write {backend: vllm, url: http://HOST:PORT}"]),
    (
        b"targets: {a: {url: http://a}}\n",
        [f"1:14: targets.a.backend: is missing; write backend: {ONE_OF_THEM}"],
    ),
    (
        b"targets: {a: {backend: vlm, url: a:1}}\n",
        [
            f"1:24: targets.a.backend: is no value of this key; write {BACKENDS}",
            "1:34: targets.a.url: is not a URL of an engine; write http://HOST:PORT or https://HOST:PORT, with a port from 1 to 65535 or without one",
        ],
    ),
    (
        b"targets: {a: {backend: vllm, url: http://me:hunter2@a}}\n",
        ["1:35: targets.a.url: holds a user or a password; take it out and write api_key: {file: PATH}"],
    ),
    (
        b"targets: {a: {backend: vllm, url: http://a, api_key: {file: /etc/shadow}, headers: {X: hunter2}, tls: {insecure: true}}}\n",
        [
            "1:45: targets.a.api_key: is not taken from here; write it under credentials in the main configuration",
            "1:75: targets.a.headers: is not taken from here; write it under credentials in the main configuration",
            "1:98: targets.a.tls: is not taken from here; write it under credentials in the main configuration",
        ],
    ),
    (
        b"targets: {a: {backend: ollama, url: http://a, load_model: true, modle: m}}\n",
        [
            "1:47: targets.a.load_model: is for targets of the main configuration only; leave it out",
            "1:65: targets.a.modle: is no key here; did you mean model?",
        ],
    ),
    (
        b"targets: {a: {backend: vllm, url: http://a, api: generate}}\n",
        ["1:50: targets.a.api: is TGI's own API, and this is no TGI; leave it out, or write api: chat"],
    ),
    (
        b"targets:\n  a: {backend: vllm, url: http://a}\n  a: {backend: vllm, url: http://b}\n",
        ["3:3: targets.a: is there twice, first on line 2; keep one of them"],
    ),
    (
        b"targets: {my engine: {backend: vllm, url: http://a}}\n",
        ["1:11: targets.*: is not usable as a name; write letters, digits and - _ . / only, a letter or digit first"],
    ),
    (
        b'targets: {a: {backend: vllm, url: http://a, model: "\\ud800"}}\n',
        ["1:52: targets.a.model: holds half of a character; write the character itself"],
    ),
    (
        b"targets: {a: {backend: vllm",
        ["1:28: is not YAML: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'; mend the line, or put the text in quotes"],
    ),
    (b"\xff", ["1:1: is not UTF-8 from here on; save the file as UTF-8"]),
]

PROMETHEUS = [
    (b"[5]", ["1:2: [0]: is no group of targets; write {targets: ['HOST:PORT'], labels: {backend: vllm}}"]),
    (b"[{labels: {backend: vllm}}]", ["1:2: [0].targets: is no list of addresses; write ['HOST:PORT']"]),
    (b"[{targets: a:1, labels: {backend: vllm}}]", ["1:12: [0].targets: is no list of addresses; write ['HOST:PORT']"]),
    (b"[{targets: ['a:1']}]", [f"1:2: [0].labels: has no label backend; write backend: {ONE_OF_THEM}"]),
    (b"[{targets: ['a:1'], labels: x}]", ["1:29: [0].labels: is no map of labels; write {backend: vllm}"]),
    (b"[{targets: ['a:1'], labels: {backend: triton}}]", [f"1:39: [0].labels.backend: is no value of this key; write {BACKENDS}"]),
    (b"[{targets: [], label: {}}]", ["1:16: [0].label: is no key here; did you mean labels?"]),
    (b"[{targets: ['a:1'], labels: {backend: vllm, scheme: ftp}}]", ["1:53: [0].labels.scheme: is no scheme of an engine; write http or https"]),
    (
        b"[{targets: ['a:1'], labels: {backend: vllm, __scheme__: ftp}}]",
        ["1:57: [0].labels.__scheme__: is no scheme of an engine; write http or https"],
    ),
    (
        b"[{targets: ['a:1'], labels: {backend: vllm, model: 7}}]",
        ["1:52: [0].labels.model: is a number, where text belongs; write it, in quotes if it looks like something else"],
    ),
    (
        b"[{targets: ['a:1'], labels: {backend: vllm, api: generate}}]",
        ["1:50: [0].labels.api: is TGI's own API, and this is no TGI; leave it out, or write api: chat"],
    ),
    (
        b"[{targets: ['a:1'], labels: {backend: vllm, name: a b}}]",
        ["1:45: [0].labels.name: is not usable as a name; write letters, digits and - _ . / only, a letter or digit first"],
    ),
    (
        b"[{targets: ['a:1'], labels: {backend: vllm, name: [a]}}]",
        ["1:45: [0].labels.name: is no name; write text, in quotes if it looks like something else"],
    ),
    (
        b"[{targets: ['http://a:1', 'a:1/x', 'me:hunter2@a:1', 'a?b', 5, ''], labels: {backend: vllm}}]",
        [f"1:{column}: [0].targets[{place}]: {NO_ADDRESS}" for place, column in enumerate((13, 27, 36, 54, 61, 64))],
    ),
    (
        b"[{targets: ['a:99999'], labels: {backend: vllm}}]",
        ["1:13: [0].targets[0]: is not a URL of an engine; write http://HOST:PORT or https://HOST:PORT, with a port from 1 to 65535 or without one"],
    ),
    (
        b"[{targets: ['a:1', 'a:1'], labels: {backend: vllm}}]",
        ["1:20: [0].targets[1]: is a target that this file has already; give it another name"],
    ),
    (
        b"[{targets: ['a:1'], labels: {backend: vllm}}, {targets: ['b:1'], labels: {backend: vllm, name: a-1}}]",
        ["1:90: [1].labels.name: is a target that this file has already; give it another name"],
    ),
]


@pytest.mark.parametrize(("raw", "said"), [*OURS, *PROMETHEUS])
def test_says_exactly_what_is_wrong(file: Path, raw: bytes, said: list[str]) -> None:
    assert problems(file, raw) == said


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * (MAX_BYTES + 1))
    said = {}
    for name in ("pipe", "large", "missing", "."):
        with pytest.raises(ConfigError) as caught:
            read_targets(tmp_path / name)
        said[name] = str(caught.value).removeprefix(f"{tmp_path / name}: ")
    assert said == {
        "pipe": "cannot be read: it is no regular file; name a file that can",
        "large": "is larger than 512 KiB, too large for a configuration; name the right file",
        "missing": "cannot be read: No such file or directory; name a file that can",
        ".": "cannot be read: it is no regular file; name a file that can",
    }


def test_a_pipe_that_takes_the_place_of_a_file_after_a_look_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    looked = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: looked)
    with pytest.raises(ConfigError, match="it is no regular file"):
        read_targets(tmp_path / "pipe")


@pytest.mark.parametrize(
    "text",
    [
        "targets: {a: {backend: vllm, url: http://a}, b: {backend: vllm, url: http://b}, c: {backend: x}}",
        "[{targets: [a, b, c], labels: {backend: tgi}}]",
    ],
)
def test_no_more_are_read_than_are_asked_for(file: Path, text: str) -> None:
    file.write_text(text)
    found = read_targets(file, 2)
    assert (list(found.targets), found.more) == (["a", "b"], 1)


def test_kubernetes_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "targets.yaml").write_text("targets: {a: {backend: vllm, url: http://a}}")
    (tmp_path / "targets.yaml").symlink_to("..data/targets.yaml")
    assert list(read_targets(tmp_path / "targets.yaml").targets) == ["a"]


words = st.sampled_from(
    ["targets", "labels", "backend", "url", "model", "api", "name", "scheme", "vllm", "tgi", "generate", "http", "http://a", "a:1", "[::1]"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | words
structures = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=5), max_leaves=20
)
ours = st.fixed_dictionaries({"targets": st.dictionaries(st.text(max_size=3), st.dictionaries(words, structures, max_size=4))})
groups = st.lists(
    st.fixed_dictionaries({"targets": st.lists(words | structures, max_size=3), "labels": st.dictionaries(words, structures, max_size=5)}), max_size=3
)


@given(st.binary(max_size=60) | (structures | ours | groups).map(lambda data: json.dumps(data).encode()))
@example(b"? [a]\n: b")
@example(b'[{"targets": ["\\ud800:1"], "labels": {"backend": "\\udfff"}}]')
@example(b"[" * 10_000)
@example(b'targets: {a: {backend: vllm, url: "\\UFFFFFFFF"}}')
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_is_written_there_are_targets_or_a_config_error(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "targets.json"
    file.write_bytes(raw)
    with suppress(ConfigError):
        assert all(isinstance(target, Target) for target in read_targets(file).targets.values())
