"""How a target's TLS settings become a context, and what a certificate or a refusal says."""

from __future__ import annotations

import ssl

from probes.ask import Tls


def context(tls: Tls) -> ssl.SSLContext:
    """A client context for HTTP/1.1. Raises `OSError` (which `ssl.SSLError` is) if a file is missing or no PEM."""
    made = ssl.create_default_context(cafile=tls.ca_file)
    if tls.insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        made.load_cert_chain(tls.cert_file, tls.key_file, password="")  # without one, OpenSSL asks on the terminal for that of an encrypted key
    made.set_alpn_protocols(["http/1.1"])
    return made


def certificate_expiry(tls: ssl.SSLObject) -> float | None:
    """When the server's certificate ends, seconds since the epoch; None where it was not verified, since Python then does not decode it."""
    try:
        certificate = tls.getpeercert()
    except ValueError:  # a name in it that is no UTF-8
        return None
    ends = certificate.get("notAfter") if certificate else None
    return float(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else None


def explain(error: ssl.SSLError) -> str:
    """A refusal in one line: OpenSSL's reason, and why a certificate was not accepted."""
    message = getattr(error, "verify_message", None)
    if message:
        return f"certificate verify failed: {message}"
    return error.reason.replace("_", " ").lower() if error.reason else str(error)
