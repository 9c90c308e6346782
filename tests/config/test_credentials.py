from __future__ import annotations

import pytest
from pydantic import SecretStr

from config.credentials import ClusterPlace, Credential, credential_for, equipped
from config.reader import parse
from config.targets import Target


def target(url: str = "https://vllm.svc.cluster.local:8000") -> Target:
    return Target(backend="vllm", url=url)


def credentials(text: str) -> tuple[Credential, ...]:
    whole = f"targets: {{v: {{backend: vllm, url: http://v}}}}\nscenarios: {{beat: {{every: 15s}}}}\ncredentials: {text}\n"
    return parse(whole, environ={"KEY": "hunter2", "OTHER": "x"}).config.credentials


def key_of(name: str, url: str, text: str) -> str | None:
    api_key = equipped(name, target(url), credentials(text)).api_key
    return api_key.env if api_key else None


@pytest.mark.parametrize(
    ("pattern", "url", "matches"),
    [
        ("vllm.example.com", "https://vllm.example.com", True),
        ("vllm.example.com", "https://vllm.example.com:8443/prefix", True),
        ("VLLM.example.com", "https://vllm.EXAMPLE.com", True),
        ("vllm.example.com", "https://vllm.example.com.", True),
        ("*.example.com", "https://a.b.example.com", True),
        ("*.example.com", "https://example.com", False),
        ("*.example.com", "https://evilexample.com", False),
        ("*.example.com", "https://a.example.com.evil.org", False),
        ("*.example.com", "https://evil.org/a.example.com", False),
        ("*.example.com", "https://evil.org:443/.example.com", False),
        ("example.com", "https://my-example.com", False),
        ("example.com", "https://example.community", False),
        ("10.0.0.1", "https://10.0.0.1:8000", True),
        ("10.0.0.1", "https://10.0.0.11", False),
        ("10.0.0.1", "https://10a0b0c1", False),
        ("fd00::1", "https://[fd00::1]:8000", True),
        ("10.0.*", "https://10.0.0.1:8000", True),
        ("10.0.*", "https://10.0.evil.example", False),
        ("10.0.*", "https://10.0.0.1.evil.example", False),
        ("10.*.1", "https://10.evil.example.1", False),
        ("fd00:*", "https://[fd00::1]:8000", True),
        ("vllm-*.example.com", "https://vllm-0.example.com", True),
        ("vllm-*.example.com", "https://vllm-0.evil.example", False),
        ("vllm.example.com.", "https://vllm.example.com", True),
        ("*", "https://anywhere.org", True),
    ],
)
def test_the_whole_host_must_match_whatever_its_case(pattern: str, url: str, matches: bool) -> None:
    assert (key_of("a", url, f"[{{host: '{pattern}', api_key: {{env: KEY}}}}]") == "KEY") is matches


@pytest.mark.parametrize(
    ("name", "pattern", "matches"),
    [
        ("team-a", "team-*", True),
        ("Team-a", "team-*", False),
        ("my-team-a", "team-*", False),
        ("ns/team-a", "*/team-*", True),
        ("a", "*", True),
    ],
)
def test_names(name: str, pattern: str, matches: bool) -> None:
    assert (key_of(name, "https://h", f"[{{host: h, name: '{pattern}', api_key: {{env: KEY}}}}]") == "KEY") is matches


@pytest.mark.parametrize(
    ("place", "matches"),
    [
        (ClusterPlace("team-a", "vllm"), True),
        (ClusterPlace("team-a", "tgi"), False),
        (ClusterPlace("team-b", "vllm"), False),
        (None, False),
    ],
)
def test_those_of_a_namespace_are_for_its_services_alone_whatever_their_targets_are_called(place: ClusterPlace | None, matches: bool) -> None:
    only = credentials("[{namespace: team-a, name: vllm, host: h, api_key: {env: KEY}}]")
    assert (credential_for("vllm", "https://h", only, place) is not None) is matches


@pytest.mark.parametrize(("says", "secret"), [("api_key: {env: KEY}", True), ("headers: {X-A: a}", True), ("tls: {server_name: s}", False)])
def test_a_certificates_settings_are_no_secret(says: str, secret: bool) -> None:
    (found,) = credentials(f"[{{host: h, {says}}}]")
    assert found.secret is secret


def test_the_first_that_matches_is_used_and_no_other() -> None:
    text = "[{host: other, api_key: {env: KEY}}, {host: h, headers: {X-A: a}}, {host: h, api_key: {env: KEY}}]"
    found = equipped("a", target("https://h"), credentials(text))
    assert found.api_key is None
    assert found.headers == {"X-A": SecretStr("a")}


def test_all_that_it_says_is_taken_and_the_rest_stays() -> None:
    text = "[{host: h, api_key: {env: KEY}, headers: {X-A: a}, tls: {server_name: s}}]"
    before = Target(backend="tgi", url="https://h", model="m", api="generate")
    found = equipped("a", before, credentials(text))
    assert (found.backend, found.url, found.model, found.api) == ("tgi", "https://h", "m", "generate")
    assert (found.api_key is not None, found.headers["X-A"].get_secret_value(), found.tls.server_name) == (True, "a", "s")
    assert before.api_key is None


def test_certificates_are_for_https_only() -> None:
    text = "[{host: h, api_key: {env: KEY}, tls: {server_name: s}}]"
    found = equipped("a", target("http://h"), credentials(text))
    assert (found.api_key is not None, found.tls.server_name) == (True, None)


def test_without_a_match_the_target_is_as_it_was() -> None:
    before = target()
    assert equipped("a", before, credentials("[{host: h, api_key: {env: KEY}}]")) is before
    assert equipped("a", before, ()) is before
