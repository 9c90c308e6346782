"""The web configuration file of Prometheus' exporter-toolkit: TLS, client certificates, users, headers and a rate.

The format is https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md, as its `web/tls_config.go` reads it. Each of its
keys does here what it says there, or is refused: versions before TLS 1.2, certificates that nobody checks, and more than one curve.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, Strict, model_validator

from config.base import Section
from config.durations import read_duration
from config.rules import Finding, as_error, refuse, suggestion

CIPHERS: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
}
"""Go's names of the cipher suites of TLS 1.2 that it holds to be safe (`tls.CipherSuites`), and OpenSSL's."""
CIPHERS_OF_TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""They may be named, and are always there: the list is for TLS 1.2."""
CURVES: Mapping[str, str] = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
"""Go's names of curves, and OpenSSL's."""

_HASH = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}", re.ASCII)
_MOST_COST = 16
"""Four seconds a login."""
_ONE_LINE = re.compile(r"[\t\x20-\x7e]*")

TlsVersion = Literal["TLS12", "TLS13"]
ClientAuth = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]


def _version(written: object) -> object:
    if written in ("TLS10", "TLS11"):
        raise ValueError("is broken (RFC 8996), and not spoken; write TLS12 or TLS13")
    return written


def _client_auth(written: object) -> object:
    if written in ("RequestClientCert", "RequireClientCert", "RequireAnyClientCert"):
        raise ValueError("takes certificates that nobody has checked, and is not possible here; write RequireAndVerifyClientCert and client_ca_file")
    return "NoClientCert" if written == "" else written


def _cipher(written: str) -> str:
    if written not in CIPHERS and written not in CIPHERS_OF_TLS13:
        raise ValueError(f"is no cipher suite that is safe; {suggestion(written, CIPHERS)}")
    return written


def _curves(written: tuple[str, ...]) -> tuple[str, ...]:
    refuse(((index,), f"is no curve; write one of {', '.join(CURVES)}") for index, curve in enumerate(written) if curve not in CURVES)
    if len(written) > 1:
        raise ValueError("names several curves, of which OpenSSL takes one from here; write one, or leave it out for all that are safe")
    return written


def _hash(written: SecretStr) -> SecretStr:
    found = _HASH.fullmatch(written.get_secret_value())
    if found is None:
        raise ValueError("is no bcrypt hash of a password; make one: htpasswd -nBC 10 \"\" | tr -d ':\\n'")
    if int(found[1]) > _MOST_COST:
        raise ValueError(f"takes too long to check; make the hash with a cost of 10, {_MOST_COST} at most")
    return written


def _user(written: str) -> str:
    if not written or ":" in written or not written.isprintable():
        raise ValueError("is no name of a user; write one without colons, which end it in a request")
    return written


def _one_line(written: str) -> str:
    if not _ONE_LINE.fullmatch(written):
        raise ValueError("is not the value of a header; write it on one line, in ASCII")
    return written


def _interval(written: object) -> float:
    return 0.0 if written in (0, "0", "0s") and written is not False else read_duration(written)


Text = Annotated[str, Field(min_length=1)]
HeaderValue = Annotated[str, AfterValidator(_one_line)]


class TlsServer(Section):
    """TLS: the server's certificate, and which certificates clients show. Relative paths start from the file's own folder."""

    cert: Text | None = None
    key: SecretStr | None = None
    client_ca: Text | None = None
    cert_file: Text | None = None
    key_file: Text | None = None
    client_auth_type: Annotated[ClientAuth, BeforeValidator(_client_auth)] = "NoClientCert"
    client_ca_file: Text | None = None
    client_allowed_sans: Annotated[tuple[Text, ...], Strict(False)] = ()
    min_version: Annotated[TlsVersion, BeforeValidator(_version)] = "TLS12"
    max_version: Annotated[TlsVersion, BeforeValidator(_version)] = "TLS13"
    cipher_suites: Annotated[tuple[Annotated[str, AfterValidator(_cipher)], ...], Strict(False)] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: Annotated[tuple[str, ...], Strict(False), AfterValidator(_curves)] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        refuse(self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        for inline, file in (("cert", "cert_file"), ("key", "key_file"), ("client_ca", "client_ca_file")):
            if getattr(self, inline) and getattr(self, file):
                yield (inline,), f"stands beside {file}; leave one of the two out"
        for what in ("cert", "key"):
            if not getattr(self, what) and not getattr(self, f"{what}_file"):
                yield (), f"has no {what}_file; write one, or the PEM itself as {what}"
        authorities = self.client_ca or self.client_ca_file
        if authorities and self.client_auth_type == "NoClientCert":
            yield (
                ("client_ca" if self.client_ca else "client_ca_file",),
                "is for client certificates; write client_auth_type: RequireAndVerifyClientCert too",
            )
        if not authorities and self.client_auth_type != "NoClientCert":
            yield ("client_auth_type",), "needs to know whose certificates are good; write client_ca_file: PATH"
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            yield ("client_allowed_sans",), "needs a certificate to look at; write client_auth_type: RequireAndVerifyClientCert"
        if self.min_version > self.max_version:
            yield ("min_version",), "is above max_version; write TLS12, or leave max_version out"


class Headers(Section):
    """Headers of every answer, in place of chatprobe's own."""

    content_security_policy: HeaderValue = Field(default="", alias="Content-Security-Policy")
    x_frame_options: Literal["", "deny", "sameorigin"] = Field(default="", alias="X-Frame-Options")
    x_content_type_options: Literal["", "nosniff"] = Field(default="", alias="X-Content-Type-Options")
    x_xss_protection: HeaderValue = Field(default="", alias="X-XSS-Protection")
    strict_transport_security: HeaderValue = Field(default="", alias="Strict-Transport-Security")

    @property
    def written(self) -> dict[str, str]:
        """Those that are not blank, by their names."""
        return {name: value for name, value in self.model_dump(by_alias=True).items() if value}


class HttpServer(Section):
    """HTTP. Of HTTP/2 the key is a permission, of which no use is made: clients agree on HTTP/1.1 by themselves."""

    http2: bool = True
    headers: Headers = Headers()


class RateLimit(Section):
    """A token bucket for all requests together: one each `interval`, and `burst` at once."""

    interval_seconds: Annotated[float, BeforeValidator(_interval)] = Field(default=0.0, alias="interval")
    burst: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @model_validator(mode="after")
    def _lets_something_through(self) -> Self:
        if self.interval_seconds and not self.burst:
            raise as_error([(("burst",), "lets nothing through; write 1 or more")])
        return self


class WebFile(Section):
    """The whole file."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: Mapping[Annotated[str, AfterValidator(_user)], Annotated[SecretStr, AfterValidator(_hash)]] = {}
    rate_limit: RateLimit = RateLimit()


SECTIONS: Mapping[tuple[str, ...], type[Section]] = {
    (): WebFile,
    ("tls_server_config",): TlsServer,
    ("http_server_config",): HttpServer,
    ("http_server_config", "headers"): Headers,
    ("rate_limit",): RateLimit,
}
"""By path, for the words of errors."""
