"""The web configuration file: what Prometheus' exporters take is taken, and what is refused is told with its place and without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from config.problems import ConfigError
from config.web_file import WebFile
from config.web_reading import files_beside, read_web_file

HASH = "$2b$04$ZUDPBNK3ofh0NaAtCnOlDe7KH5oGj4tLSWyDKtiJ/RRDQZV1H5KkK"
"""Of `hunter2`."""


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    one, other = authority.issue_cert("one.example"), authority.issue_cert("other.example")
    one.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    one.private_key_pem.write_to_path(tmp_path / "server.key")
    other.private_key_pem.write_to_path(tmp_path / "other.key")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "words.pem").write_text("hunter2\n")
    return tmp_path


def read(folder: Path, text: str) -> WebFile:
    (folder / "web.yaml").write_text(text)
    return read_web_file(str(folder / "web.yaml"))


def refusals(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    said = [str(problem).removeprefix(f"{folder}/web.yaml:").lstrip() for problem in caught.value.problems]
    assert "hunter2" not in "".join(said)
    assert HASH not in "".join(said)
    return said


def test_every_key_of_the_format(folder: Path) -> None:
    found = read(
        folder,
        f"""
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus.example, 10.0.0.1]
  min_version: TLS12
  max_version: TLS12
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP256]
http_server_config:
  http2: true
  headers:
    Content-Security-Policy: default-src 'self'
    X-Frame-Options: sameorigin
    X-Content-Type-Options: nosniff
    X-XSS-Protection: "0"
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  prometheus: {HASH}
rate_limit: {{interval: 100ms, burst: 20}}
""",
    )
    tls = found.tls_server_config
    assert tls is not None
    assert list(files_beside(str(folder / "web.yaml"))) == [str(folder / name) for name in ("server.pem", "server.key", "ca.pem")]
    assert found.http_server_config.headers.written["Strict-Transport-Security"] == "max-age=31536000"
    assert list(found.basic_auth_users) == ["prometheus"]
    assert (found.rate_limit.interval_seconds, found.rate_limit.burst) == (0.1, 20)
    assert HASH not in repr(found)


def test_certificates_may_stand_in_it(folder: Path) -> None:
    pem = {
        name: "".join(f"    {line}\n" for line in (folder / f"{name}").read_text().splitlines()) for name in ("server.pem", "server.key", "ca.pem")
    }
    found = read(folder, f"tls_server_config:\n  cert: |\n{pem['server.pem']}  key: |\n{pem['server.key']}")
    assert found.tls_server_config is not None
    assert list(files_beside(str(folder / "web.yaml"))) == []
    assert "PRIVATE KEY" not in repr(found)


@pytest.mark.parametrize("off", ["0", "0s", '"0"'])
def test_a_rate_of_0_is_none(folder: Path, off: str) -> None:
    assert read(folder, f"rate_limit: {{interval: {off}}}").rate_limit.interval_seconds == 0


SERVER = "cert_file: server.pem, key_file: server.key"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["1:1: the file is empty; write tls_server_config or basic_auth_users into it"]),
        ("- hunter2", ["1:1: is no map of sections; write tls_server_config: or basic_auth_users: at the left margin"]),
        ("basic_auth_user: {}", ["1:1: basic_auth_user: is no key here; did you mean basic_auth_users?"]),
        (
            "basic_auth_users: {alice: hunter2}",
            ["1:27: basic_auth_users.alice: is no bcrypt hash of a password; make one: htpasswd -nBC 10 \"\" | tr -d ':\\n'"],
        ),
        (
            f"basic_auth_users: {{'a:hunter2': {HASH}}}",
            ["1:20: basic_auth_users.*: is no name of a user; write one without colons, which end it in a request"],
        ),
        (
            f"basic_auth_users: {{alice: {HASH.replace('$04$', '$31$')}}}",
            ["1:27: basic_auth_users.alice: takes too long to check; make the hash with a cost of 10, 16 at most"],
        ),
        ("tls_server_config: {cert_file: server.pem}", ["1:20: tls_server_config: has no key_file; write one, or the PEM itself as key"]),
        (
            "tls_server_config: {cert_file: absent.pem, key_file: absent.key}",
            [
                "1:32: tls_server_config.cert_file: cannot be read: No such file or directory; name a file that can",
                "1:54: tls_server_config.key_file: cannot be read: No such file or directory; name a file that can",
            ],
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: other.key}",
            [
                "1:54: tls_server_config.key_file: does not hold the key of cert_file, or only with a passphrase; "
                "name the PEM file that was made with it, without one"
            ],
        ),
        (
            f"tls_server_config: {{{SERVER}, client_ca_file: words.pem, client_auth_type: RequireAndVerifyClientCert}}",
            [
                "1:82: tls_server_config.client_ca_file: holds no certificate that can be read; "
                "name a PEM file, which begins with -----BEGIN CERTIFICATE-----"
            ],
        ),
        (
            "tls_server_config: {cert: hunter2, key: hunter2}",
            ["1:27: tls_server_config.cert: is no certificate with the key that stands beside it; write both as PEM, the key without a passphrase"],
        ),
        (
            f"tls_server_config: {{{SERVER}, cert: hunter2, key: hunter2}}",
            [
                "1:72: tls_server_config.cert: stands beside cert_file; leave one of the two out",
                "1:86: tls_server_config.key: stands beside key_file; leave one of the two out",
            ],
        ),
        (
            f"tls_server_config: {{{SERVER}, client_ca_file: ca.pem}}",
            ["1:82: tls_server_config.client_ca_file: is for client certificates; write client_auth_type: RequireAndVerifyClientCert too"],
        ),
        (
            f"tls_server_config: {{{SERVER}, client_auth_type: RequireAnyClientCert}}",
            [
                "1:84: tls_server_config.client_auth_type: takes certificates that nobody has checked, and is not possible here; "
                "write RequireAndVerifyClientCert and client_ca_file"
            ],
        ),
        (
            f"tls_server_config: {{{SERVER}, client_allowed_sans: [a], min_version: TLS10, max_version: TLS14}}",
            [
                "1:105: tls_server_config.min_version: is broken (RFC 8996), and not spoken; write TLS12 or TLS13",
                "1:125: tls_server_config.max_version: is no value of this key; write TLS12 or TLS13",
            ],
        ),
        (
            f"tls_server_config: {{{SERVER}, min_version: TLS13, max_version: TLS12, client_allowed_sans: [a]}}",
            [
                "1:127: tls_server_config.client_allowed_sans: needs a certificate to look at; write client_auth_type: RequireAndVerifyClientCert",
                "1:79: tls_server_config.min_version: is above max_version; write TLS12, or leave max_version out",
            ],
        ),
        (
            f"tls_server_config: {{{SERVER}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA], curve_preferences: [CurveP256, X25519]}}",
            [
                "1:82: tls_server_config.cipher_suites[0]: is no cipher suite that is safe; did you mean TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA?",
                "1:128: tls_server_config.curve_preferences: names several curves, of which OpenSSL takes one from here; "
                "write one, or leave it out for all that are safe",
            ],
        ),
        (
            'http_server_config: {headers: {X-Frame-Options: allow, Server: x, Strict-Transport-Security: "a\\nb"}}',
            [
                "1:49: http_server_config.headers.X-Frame-Options: is no value of this key; write , deny or sameorigin",
                "1:94: http_server_config.headers.Strict-Transport-Security: is not the value of a header; write it on one line, in ASCII",
                "1:56: http_server_config.headers.Server: is no key here; there are Content-Security-Policy, Strict-Transport-Security, "
                "X-Content-Type-Options, X-Frame-Options, X-XSS-Protection",
            ],
        ),
        ("rate_limit: {interval: 1s}", ["1:1: rate_limit.burst: lets nothing through; write 1 or more"]),
    ],
)
def test_what_is_refused(folder: Path, text: str, said: list[str]) -> None:
    assert refusals(folder, text) == said


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web\.yaml: cannot be read: No such file or directory; name a file that can"):
        read_web_file(str(tmp_path / "web.yaml"))


def test_the_files_beside_a_broken_one_are_known_as_far_as_it_can_be_read(folder: Path) -> None:
    """So that it is tried again when one of them is mended."""
    file = folder / "web.yaml"
    file.write_text("tls_server_config: {cert_file: absent.pem, key_file: [], client_auth_type: None}")
    assert list(files_beside(str(file))) == [str(folder / "absent.pem")]
    for broken in ("tls_server_config: {", "[]", "tls_server_config: 5", ""):
        file.write_text(broken)
        assert list(files_beside(str(file))) == []
    assert list(files_beside(str(folder / "absent.yaml"))) == []
