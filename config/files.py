"""Files and variables that a configuration names: found relative to the file that names them, allowed, there, and holding what they should.

Secret files must lie below `secret_dirs` or beside the configuration, symbolic links resolved, so that a link or a slip of the pen
does not send another file to an engine as a key.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from config.certificates import fault_of_certificates, fault_of_key
from config.problems import ConfigError
from config.rules import Finding
from config.secrets import SecretError, read_secret
from config.targets import SecretRef
from config.tokens import kept_digest
from config.web_reading import read_web_file

_SECRETS = (("api_key", "file"), ("tls", "key_file"))
_PUBLIC = (("tls", "ca_file"), ("tls", "cert_file"))
_NO_PATH = "is not the path of a file; write one"

Contents = Mapping[str, Callable[[str], str | None]]
"""What is wrong with the content of a file, by the key that names it."""

FolderOf = Callable[[tuple[str | int, ...]], Path]
"""The folder of the file in which the value at a path was written."""


def settle(
    data: Mapping[str, Any], folder_of: FolderOf, beside: Iterable[Path], secret_dirs: Iterable[str], environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Makes the paths in the plain data absolute, and says what cannot be used. `beside` are the folders of all configuration files."""
    allowed = [Path(os.path.realpath(str(folder))) for folder in (*secret_dirs, *beside) if "\0" not in str(folder)]
    certificates = cache(fault_of_certificates)
    contents: Contents = {"file": _fault_of_secret, "ca_file": certificates, "cert_file": certificates}
    for place, holder in _holders(data):
        usable: dict[str, str] = {}
        for section, key in (*_SECRETS, *_PUBLIC):
            named = holder.get(section)
            if isinstance(named, dict) and isinstance(named.get(key), str) and named[key]:
                where = (*place, section, key)
                text = _settle(named, key, folder_of(where), allowed if (section, key) in _SECRETS else None, contents)
                if text:
                    yield where, text
                else:
                    usable[key] = named[key]
        if "cert_file" in usable and "key_file" in usable and (text := fault_of_key(usable["key_file"], usable["cert_file"])):
            yield (*place, "tls", "key_file"), text
        yield from _environment((*place, "api_key"), holder.get("api_key"), environ)
    yield from _web(data.get("web"), folder_of, allowed, environ)
    yield from _discovery(data.get("discovery"), folder_of)
    yield from _trace(data.get("bench"), folder_of)


def _holders(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Whatever may name keys and certificates, and where it stands."""
    targets, credentials = data.get("targets"), data.get("credentials")
    for name, target in targets.items() if isinstance(targets, dict) else ():
        if isinstance(target, dict):
            yield ("targets", name), target
    for index, credential in enumerate(credentials) if isinstance(credentials, list) else ():
        if isinstance(credential, dict):
            yield ("credentials", index), credential


def _settle(named: dict[str, Any], key: str, folder: Path, allowed: list[Path] | None, contents: Contents) -> str | None:
    """Makes one file's path absolute. What is wrong with it, or None."""
    try:
        path = _absolute(folder, named[key])
        named[key] = str(path)
        return _unusable(path, allowed) or (contents[key](str(path)) if key in contents else None)
    except (OSError, ValueError):
        return _NO_PATH


def _absolute(folder: Path, written: str) -> Path:
    return Path(os.path.abspath(folder / written))  # noqa: PTH100 (Path.absolute keeps "..")


def _unusable(path: Path, allowed: list[Path] | None) -> str | None:
    real = Path(os.path.realpath(path))
    if allowed is not None and not any(real.is_relative_to(folder) for folder in allowed):
        return "lies outside of the folders for secrets; move it below /run/secrets or beside this file, or add its folder to secret_dirs"
    if not real.exists():
        return "does not exist; create the file, or mend its path, which is relative to this file's folder"
    if not real.is_file():
        return "is not a file; name the file itself"
    if not os.access(real, os.R_OK):
        return "cannot be read by the user that runs this; change its owner or its mode"
    if real.stat().st_size == 0:
        return "is empty; write what it should hold into it"
    return None


def _environment(
    place: tuple[str | int, ...], secret: Any, environ: Mapping[str, str], fault: Callable[[SecretRef, Mapping[str, str]], str | None] | None = None
) -> Iterator[Finding]:
    variable = secret.get("env") if isinstance(secret, dict) else None
    if not isinstance(variable, str) or not variable:
        return
    where = (*place, "env")
    if not environ.get(variable, "").strip():
        yield where, "names a variable that is not set; export it before chatprobe starts, or write file: PATH"
    elif text := (fault or _fault)(SecretRef(env=variable), environ):
        yield where, text


def _web(web: Any, folder_of: FolderOf, allowed: list[Path], environ: Mapping[str, str]) -> Iterator[Finding]:
    """The file of TLS and users may lie anywhere: what is in it is shown to nobody."""
    if not isinstance(web, dict):
        return
    if isinstance(web.get("config_file"), str) and web["config_file"]:
        where: tuple[str | int, ...] = ("web", "config_file")
        if text := _settle(web, "config_file", folder_of(where), None, {"config_file": _fault_of_web_file}):
            yield where, text
    tokens = web.get("tokens")
    for name, token in tokens.items() if isinstance(tokens, dict) else ():
        place = ("web", "tokens", name)
        if isinstance(token, dict) and isinstance(token.get("file"), str) and token["file"]:
            where = (*place, "file")
            if text := _settle(token, "file", folder_of(where), allowed, {"file": lambda path: _fault_of_token(SecretRef(file=path), {})}):
                yield where, text
        yield from _environment(place, token, environ, _fault_of_token)


def _fault_of_web_file(path: str) -> str | None:
    try:
        read_web_file(path)
    except ConfigError as error:
        return f"cannot be used: {'; '.join(str(error).splitlines())}"
    return None


def _fault_of_secret(path: str) -> str | None:
    return _fault(SecretRef(file=path), {})


def _fault_of_token(secret: SecretRef, environ: Mapping[str, str]) -> str | None:
    if text := _fault(secret, environ):
        return text
    try:
        kept_digest(read_secret(secret, environ))
    except ValueError as error:
        return str(error)
    return None


def _fault(secret: SecretRef, environ: Mapping[str, str]) -> str | None:
    try:
        read_secret(secret, environ)
    except SecretError as error:
        return error.fault
    return None


def _trace(bench: Any, folder_of: FolderOf) -> Iterator[Finding]:
    replay = bench.get("replay") if isinstance(bench, dict) else None
    if isinstance(replay, dict) and isinstance(replay.get("file"), str) and replay["file"]:
        where = ("bench", "replay", "file")
        if text := _settle(replay, "file", folder_of(where), None, {}):
            yield where, text


def _discovery(discovery: Any, folder_of: FolderOf) -> Iterator[Finding]:
    """Files of targets need not be there: they may come later. They are patterns, in which the folder that they start from is none. A kubeconfig
    may lie anywhere: no engine is shown what is in it."""
    if not isinstance(discovery, dict):
        return
    cluster = discovery.get("kubernetes")
    if isinstance(cluster, dict) and isinstance(cluster.get("kubeconfig"), str) and cluster["kubeconfig"]:
        where = ("discovery", "kubernetes", "kubeconfig")
        if text := _settle(cluster, "kubeconfig", folder_of(where), None, {}):
            yield where, text
    files = discovery.get("files")
    if not isinstance(files, list):
        return
    for index, written in enumerate(files):
        if isinstance(written, str) and "\0" in written:
            yield ("discovery", "files", index), _NO_PATH
        elif isinstance(written, str) and written:
            folder = os.path.abspath(folder_of(("discovery", "files", index)))  # noqa: PTH100 (as above)
            files[index] = str(_absolute(Path(glob.escape(folder)), written))
