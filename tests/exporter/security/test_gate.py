"""Who gets in, by what is shown, and what that gives."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from pathlib import Path

import aiohttp
import pytest
import trustme
from structlog.testing import capture_logs

from exporter.web.security import gate, users
from tests.exporter.security.ports import HASH, OTHER_TOKEN, PASSWORD, TOKEN, Opened, basic, bearer, certificates, client, opened

USERS = f"basic_auth_users: {{alice: '{HASH}', prometheus: '{HASH}'}}\n"
PATHS = ("/", "/metrics", "/config", "/nowhere")


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    certificates(tmp_path, authority)
    (tmp_path / "users.yaml").write_text(USERS)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "hashed").write_text(f"sha256:{hashlib.sha256(OTHER_TOKEN.encode()).hexdigest()}\n")
    return tmp_path


async def operates(one: Opened, headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None) -> int:
    status, _, _ = await one.ask("/-/reload", "POST", headers=headers, tls=tls)
    return status


async def test_on_a_loopback_address_everybody_on_the_machine_may_do_everything() -> None:
    async with opened() as one:
        assert (await one.ask())[0] == 200
        assert await operates(one) == 200
        assert one.reloads == 1
        assert one.port.warning is None


async def test_elsewhere_who_shows_nothing_reads_and_that_is_warned_of() -> None:
    with capture_logs() as logs:
        async with opened(listen="0.0.0.0:0") as one:
            assert (await one.ask())[0] == 200
            assert await operates(one) == 403
            assert one.port.warning is not None
    assert [line["log_level"] for line in logs if "open to whoever can reach it" in line["event"]] == ["warning"]


@pytest.mark.parametrize(("anonymous", "reads", "does"), [("none", 401, 401), ("read", 200, 403), ("operate", 200, 200)])
async def test_what_is_written_for_who_shows_nothing_holds_everywhere(anonymous: str, reads: int, does: int) -> None:
    for listen in ("127.0.0.1:0", "0.0.0.0:0"):
        async with opened(f"anonymous: {anonymous}", listen=listen) as one:
            assert (await one.ask())[0] == reads
            assert await operates(one) == does
            assert one.port.warning is None


async def test_users_with_passwords(folder: Path) -> None:
    async with opened("config_file: users.yaml, readers: [prometheus]", folder, listen="0.0.0.0:0") as one:
        for path in PATHS:
            status, _, answer = await one.ask(path)
            assert status == 401
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="chatprobe", charset="UTF-8"'
        assert (await one.ask(headers=basic()))[0] == 200
        assert await operates(one, basic()) == 200
        assert (await one.ask(headers=basic("prometheus")))[0] == 200
        assert await operates(one, basic("prometheus")) == 403
        for wrong in (basic(password="wrong"), basic("bob"), basic(password=""), basic("alice", PASSWORD + "x"), {"Authorization": "Basic !"}):
            assert (await one.ask(headers=wrong))[0] == 401
        assert one.port.warning is None


async def test_the_probes_of_a_kubelet_show_nothing(folder: Path) -> None:
    async with opened("config_file: users.yaml", folder) as one:
        for path in ("/-/healthy", "/-/ready"):
            for method in ("GET", "HEAD"):
                assert (await one.ask(path, method))[0] == 200
            assert (await one.ask(path, "POST"))[0] == 401


async def test_a_password_that_was_right_is_not_computed_again_and_a_wrong_one_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []
    real = users._matches

    def matches(password: bytes, kept: str) -> bool:
        computed.append(kept)
        return real(password, kept)

    monkeypatch.setattr(users, "_matches", matches)
    async with opened("config_file: users.yaml", folder) as one:
        for _ in range(3):
            assert (await one.ask(headers=basic()))[0] == 200
        assert computed == [HASH]
        assert (await one.ask(headers=basic("bob")))[0] == 401
        assert computed[1].startswith("$2b$04$"), "a user that there is not takes as long as one that there is"


async def test_who_fails_too_often_is_held_back_before_anything_is_computed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("config_file: users.yaml, tokens: {ci: {file: token}}", folder) as one:
        assert (await one.ask(headers=basic()))[0] == 200
        for number in range(gate.FAILURES):
            wrong = basic(password=str(number)) if number % 2 else bearer(f"wrong-{number}")
            assert (await one.ask(headers=wrong))[0] == 401
        monkeypatch.setattr(users, "_matches", None)
        status, text, answer = await one.ask(headers=basic(password="one more"))
        assert (status, answer.headers["Retry-After"]) == (429, "5")
        assert "Too many failed logins" in text
        assert (await one.ask(headers=basic("prometheus")))[0] == 429
        assert (await one.ask(headers=basic()))[0] == 200, "who is known already goes on"
        assert (await one.ask(headers=bearer()))[0] == 200
        one.clock.now += 1 / gate.FAILURES_PER_SECOND
        assert (await one.ask(headers=bearer("wrong")))[0] == 401


async def test_tokens_as_they_are_and_hashed_each_with_its_role(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT", "in-a-variable-0123")
    settings = "tokens: {scrape: {file: token}, ci: {file: hashed, role: operate}, bot: {env: BOT, role: read}}"
    async with opened(settings, folder) as one:
        status, _, answer = await one.ask()
        assert (status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="chatprobe"')
        assert (await one.ask(headers=bearer()))[0] == 200
        assert await operates(one, bearer()) == 403
        assert await operates(one, bearer(OTHER_TOKEN)) == 200
        assert (await one.ask(headers={"Authorization": f"bearer   {TOKEN}"}))[0] == 200
        assert (await one.ask(headers=bearer("in-a-variable-0123")))[0] == 200
        for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), (folder / "hashed").read_text().strip(), "é" * 20):
            assert (await one.ask(headers=bearer(wrong)))[0] == 401


async def test_credentials_that_nobody_asked_for_are_let_lie() -> None:
    """A proxy in front may pass on what it was shown itself."""
    async with opened() as one:
        for shown in (basic(), bearer(), {"Authorization": "Digest x"}):
            assert (await one.ask(headers=shown))[0] == 200


async def test_a_wrong_login_is_none_even_where_nobody_has_to_log_in(folder: Path) -> None:
    async with opened("config_file: users.yaml, anonymous: read", folder) as one:
        assert (await one.ask())[0] == 200
        assert (await one.ask(headers=basic(password="wrong")))[0] == 401
        assert await operates(one, basic()) == 200


TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key%s}\n"
CLIENTS = ", client_ca_file: ca.pem, client_auth_type: "


async def test_tls_alone_says_nothing_of_who_asks(folder: Path, authority: trustme.CA) -> None:
    (folder / "web.yaml").write_text(TLS % "")
    async with opened("config_file: web.yaml", folder, tls=client(authority), listen="0.0.0.0:0") as one:
        assert (await one.ask())[0] == 200
        assert await operates(one) == 403
        assert one.port.warning is not None
        assert await one.raw(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n") == b"", "not without TLS"


async def test_client_certificates(folder: Path, authority: trustme.CA) -> None:
    (folder / "web.yaml").write_text(TLS % f"{CLIENTS}RequireAndVerifyClientCert")
    async with opened("config_file: web.yaml, readers: [prometheus.example]", folder, tls=client(authority, "ops.example")) as one:
        assert await operates(one) == 200
        reader = client(authority, "prometheus.example")
        assert (await one.ask(tls=reader))[0] == 200
        assert await operates(one, tls=reader) == 403
        stranger = client(authority)
        trustme.CA().issue_cert("ops.example").configure_cert(stranger)
        for tls in (client(authority), stranger):
            with pytest.raises((aiohttp.ClientError, OSError)):
                await one.ask(tls=tls)


async def test_a_certificate_must_have_one_of_the_names(folder: Path, authority: trustme.CA) -> None:
    (folder / "web.yaml").write_text(TLS % f"{CLIENTS}RequireAndVerifyClientCert, client_allowed_sans: [ops.example, '::1', me@ops.example]")
    async with opened("config_file: web.yaml", folder, tls=client(authority, "ops.example")) as one:
        for names in (["ops.example"], ["::1"], ["me@ops.example"], ["other.example", "ops.example"]):
            assert (await one.ask(tls=client(authority, *names)))[0] == 200
        for names in (["other.example"], ["x.ops.example"], ["::2"]):
            with pytest.raises((aiohttp.ClientError, OSError)):
                await one.ask(tls=client(authority, *names))


async def test_where_a_certificate_may_be_left_out_the_probes_of_health_do_and_nobody_else(folder: Path, authority: trustme.CA) -> None:
    (folder / "web.yaml").write_text(TLS % f"{CLIENTS}VerifyClientCertIfGiven")
    async with opened("config_file: web.yaml", folder, tls=client(authority)) as one:
        assert (await one.ask("/-/healthy"))[0] == 200
        assert (await one.ask())[0] == 401
        assert (await one.ask(tls=client(authority, "ops.example")))[0] == 200


async def test_beside_users_a_certificate_is_not_enough(folder: Path, authority: trustme.CA) -> None:
    (folder / "web.yaml").write_text(USERS + TLS % f"{CLIENTS}RequireAndVerifyClientCert")
    async with opened("config_file: web.yaml", folder, tls=client(authority, "ops.example")) as one:
        assert (await one.ask())[0] == 401
        assert (await one.ask(headers=basic()))[0] == 200


@pytest.mark.parametrize(
    ("settings", "most", "suite"),
    [
        (", max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]", "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (", min_version: TLS13", "TLSv1.3", None),
        (", cipher_suites: [TLS_AES_128_GCM_SHA256]", "TLSv1.3", None),
    ],
)
async def test_versions_and_ciphers(folder: Path, authority: trustme.CA, settings: str, most: str, suite: str | None) -> None:
    (folder / "web.yaml").write_text(TLS % settings)
    async with opened("config_file: web.yaml", folder) as one:
        assert one.port.rules.context is not None
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = one.port.rules.context.wrap_bio(there, back, server_side=True)
        wanted = client(authority)
        asker = wanted.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        for _ in range(4):
            for side, out, into in ((asker, outgoing, there), (server, back, incoming)):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
                into.write(out.read())
        assert asker.version() == most
        assert suite is None or asker.cipher()[0] == suite  # type: ignore[index]


async def test_headers_of_the_file_take_the_place_of_others_and_the_rate_holds_for_all(folder: Path) -> None:
    (folder / "web.yaml").write_text(
        "http_server_config: {headers: {Content-Security-Policy: default-src 'self', Strict-Transport-Security: max-age=60}}\n"
        "rate_limit: {interval: 1s, burst: 2}\n"
    )
    async with opened("config_file: web.yaml", folder) as one:
        _, _, answer = await one.ask("/")
        assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
        assert answer.headers["Strict-Transport-Security"] == "max-age=60"
        assert (await one.ask())[0] == 200
        assert (await one.ask())[0] == 429
        assert (await one.ask("/-/healthy"))[0] == 200
        one.clock.now += 1
        assert (await one.ask())[0] == 200
