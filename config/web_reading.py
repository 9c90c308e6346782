"""From a web configuration file to what is in it, or to everything that is wrong with it at once."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from config.certificates import fault_of_certificates, fault_of_key
from config.places import Value, bytes_of, read_yaml
from config.problems import ConfigError, KeyPath, Problem, write_path
from config.rules import Finding
from config.web_context import server_context
from config.web_file import SECTIONS, TlsServer, WebFile
from config.wording import in_words

_EMPTY = "the file is empty; write tls_server_config or basic_auth_users into it"
_NO_PAIR = "is no certificate with the key that stands beside it; write both as PEM, the key without a passphrase"
_FILES = ("cert_file", "key_file", "client_ca_file")


def read_web_file(file: str) -> WebFile:
    """What a web configuration file says, with its paths made absolute. Raises `ConfigError`, whose text holds nothing secret."""
    root, problems = read_yaml(bytes_of(Path(file)), file, if_empty=_EMPTY)
    if not isinstance(root.content, dict):
        raise ConfigError([*problems, _problem(root, (), "is no map of sections; write tls_server_config: or basic_auth_users: at the left margin")])
    try:
        found = WebFile.model_validate(root.plain())
    except ValidationError as invalid:
        raise ConfigError([*problems, *_in_place(root, invalid)]) from None
    tls = None if found.tls_server_config is None else _settled(found.tls_server_config, Path(file).parent)
    if tls is not None:
        problems += [_problem(root, ("tls_server_config", *path), text) for path, text in _unusable(tls)]
    if problems:
        raise ConfigError(problems)
    return found.model_copy(update={"tls_server_config": tls})


def files_beside(file: str) -> Iterator[str]:
    """The files with certificates and keys that a web configuration file names, as far as it can be read at all."""
    try:
        found = read_yaml(bytes_of(Path(file)), file)[0].plain()
    except ConfigError:
        return
    tls = found.get("tls_server_config") if isinstance(found, dict) else None
    if isinstance(tls, dict):
        yield from (str(Path(file).parent / named) for key in _FILES if isinstance(named := tls.get(key), str))


def _in_place(root: Value, invalid: ValidationError) -> Iterator[Problem]:
    for error in invalid.errors(include_input=False, include_url=False):
        path = error["loc"][:-1] if error["loc"][-1:] == ("[key]",) else error["loc"]
        about_key = error["type"] == "extra_forbidden" or path != error["loc"]
        yield _problem(root, path, in_words(error, root.at(path), SECTIONS), at_key=about_key)


def _settled(tls: TlsServer, folder: Path) -> TlsServer:
    return tls.model_copy(update={key: str(folder / path) for key in _FILES if (path := getattr(tls, key)) is not None})


def _unusable(tls: TlsServer) -> Iterator[Finding]:
    """What is wrong with the files, as they are now."""
    faults = {key: fault for key in _FILES if (path := getattr(tls, key)) is not None and (fault := _fault(key, path)) is not None}
    if not faults and tls.cert_file and tls.key_file and (fault := fault_of_key(tls.key_file, tls.cert_file)):
        faults["key_file"] = fault
    yield from (((key,), fault) for key, fault in faults.items())
    if faults:
        return
    try:
        server_context(tls)
    except ssl.SSLError:
        yield ("cert" if tls.cert else "cert_file",), _NO_PAIR


def _fault(key: str, path: str) -> str | None:
    try:
        with Path(path).open("rb"):
            return None if key == "key_file" else fault_of_certificates(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}; name a file that can"


def _problem(root: Value, path: KeyPath, text: str, *, at_key: bool = False) -> Problem:
    value = root.at(path)
    place = value.key if at_key or value.content is None or not root.holds(path) else value.place
    return Problem(place.file, place.line, place.column, write_path(path), text)
