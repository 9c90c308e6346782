"""A server's TLS as the web configuration file says it."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator

from config.web_file import CIPHERS, CURVES, TlsServer

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def server_context(tls: TlsServer) -> ssl.SSLContext:
    """What OpenSSL is told. Raises `ssl.SSLError` or `OSError` where certificates or keys cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if named := [CIPHERS[suite] for suite in tls.cipher_suites if suite in CIPHERS]:
        context.set_ciphers(":".join(named))
    elif tls.cipher_suites:
        context.minimum_version = ssl.TLSVersion.TLSv1_3  # none is named that TLS 1.2 has
    for curve in tls.curve_preferences:
        context.set_ecdh_curve(CURVES[curve])
    inline_key = None if tls.key is None else tls.key.get_secret_value()
    with _file(tls.cert_file, tls.cert) as certificate, _file(tls.key_file, inline_key) as key:
        context.load_cert_chain(certificate, key, password="")  # without one, OpenSSL asks on the terminal
    context.verify_mode = _CLIENTS[tls.client_auth_type]
    if tls.client_ca_file or tls.client_ca:
        context.load_verify_locations(cafile=tls.client_ca_file, cadata=tls.client_ca)
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextlib.contextmanager
def _file(named: str | None, inline: str | None) -> Iterator[str]:
    """Where OpenSSL reads it. What stands in the configuration is in memory alone, since a key must not get onto a disk."""
    if named is not None:
        yield named
        return
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, (inline or "").encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
