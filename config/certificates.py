"""Certificates and keys of TLS, looked at before a chat needs them."""

from __future__ import annotations

import ssl


def fault_of_certificates(path: str) -> str | None:
    """What is wrong with a file of certificates (PEM), and what would be right, or None. Raises `OSError` where it cannot be read."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificate that can be read; name a PEM file, which begins with -----BEGIN CERTIFICATE-----"
    return None


def fault_of_key(path: str, certificate: str) -> str | None:
    """The same of the file of a certificate's key, where that of the certificate is right."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, path, password="")  # without one, OpenSSL asks on the terminal
    except ssl.SSLError:
        return "does not hold the key of cert_file, or only with a passphrase; name the PEM file that was made with it, without one"
    return None
