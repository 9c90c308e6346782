"""Endings of URLs that people copy from elsewhere, and that chatprobe adds itself: they are taken off, and that is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from config.rules import Finding, check_plain_url
from probes import backends

_OTHERS = ("/v1", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings", "/api/generate")
"""Paths of the engines' APIs that are none of a chat."""
_OTHER_VERSION = re.compile(r"/v[0-9]+(?:alpha|beta)?[0-9]*(?:/openai)?$")
"""Folders in which services have their chats instead of `/v1`: `/api/paas/v4` (Zhipu), `/api/v3` (Volcengine), `/v1beta/openai` (Google)."""


def without_ending(url: str, backend: str | None, chat_path: str | None = None) -> tuple[str, str]:
    """A URL that has been checked, without the ending, and the ending, "" where there is none.

    With a path of chats of its own a URL is taken as it stands, but for that path. Raises `ValueError` where a chat path is some other server's.
    """
    parts = urlsplit(url)
    known = (chat_path,) if chat_path else (*_of_all(), *_beginnings(backend))
    ending = max((one for one in known if parts.path.endswith(one)), key=len, default="")
    if not ending and chat_path is None and parts.path.endswith("/chat/completions"):
        raise ValueError("ends in another path of chats than the API's own; write what stands before it, and chat_path: /chat/completions")
    return urlunsplit(parts._replace(path=parts.path.removesuffix(ending).rstrip("/"))), ending


def taken_off(data: Mapping[str, Any]) -> Iterator[Finding]:
    """What is said of the targets of a configuration, as it was written, whose URLs end so, or in the folder of an API that no path is beneath. What
    else is wrong with it is for others to say.
    """
    targets = data.get("targets")
    for name, target in targets.items() if isinstance(targets, dict) else ():
        if not isinstance(target, dict) or not isinstance(target.get("url"), str):
            continue
        with suppress(ValueError, TypeError):
            url, ending = without_ending(check_plain_url(target["url"]), target.get("backend"), target.get("chat_path"))
            folder = _OTHER_VERSION.search(urlsplit(url).path)
            if ending:
                yield ("targets", name, "url"), words(ending)
            elif folder and not target.get("chat_path") and "/v1" in _beginnings(target.get("backend")):
                yield ("targets", name, "url"), _of_other_version(folder[0])


def _of_other_version(folder: str) -> str:
    return (
        f"ends in {folder}, behind which chatprobe adds the API's own path, with its /v1; "
        f"if chats are at {folder}/chat/completions, write chat_path: /chat/completions"
    )


def words(ending: str) -> str:
    return f"ends in {ending}, which chatprobe adds itself where it is needed, and takes off here; leave it out"


def _of_all() -> Iterator[str]:
    """Every path that is asked of any engine."""
    yield from (*_OTHERS, *backends.chat_paths())
    for backend in backends.BACKENDS.values():
        said = (backend.recognised_at, backend.health_path, backend.models_path, backend.version_path, backend.longest_chat_path)
        loaded, metrics = backend.on_demand and backend.on_demand.path, backend.metrics and backend.metrics.path
        yield from (path for path in (*said, loaded, metrics) if path)


def _beginnings(backend: str | None) -> Iterator[str]:
    """The folders in which an engine's own chats are, and any engine's where none is named."""
    for path in [form.path for name, one in backends.BACKENDS.items() if backend in (name, None) for form in one.forms.values()]:
        parts = path.strip("/").split("/")
        yield from ("/" + "/".join(parts[:count]) for count in range(1, len(parts)))
