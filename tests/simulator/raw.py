"""One request over a bare socket, so that a test sees every byte and how they came."""

from __future__ import annotations

import asyncio
import json
import ssl
from urllib.parse import urlsplit

import orjson

from tests.waiting import PATIENCE_SECONDS

CHAT = "/v1/chat/completions"


async def connect(url: str, context: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, ssl=context, server_hostname="localhost" if context else None)


def request(method: str, path: str, body: object = None, headers: dict[str, str] | None = None, *, close: bool = True) -> bytes:
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(data)}", "Content-Type: application/json"]
    lines += ["Connection: close"] if close else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


async def ask(url: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> bytes:
    """The whole response, up to the end of the connection. Raises `ConnectionResetError` for a reset."""
    reader, writer = await connect(url)
    try:
        writer.write(request(method, path, body, headers))
        return await asyncio.wait_for(reader.read(-1), PATIENCE_SECONDS)
    finally:
        writer.close()


async def listen(reader: asyncio.StreamReader, seconds: float) -> tuple[bytes, str]:
    """What comes within `seconds`, and how it ended: by `end`, `reset` or `silence`."""
    seen = b""
    try:
        async with asyncio.timeout(seconds):
            while data := await reader.read(65536):
                seen += data
        return seen, "end"
    except ConnectionResetError:
        return seen, "reset"
    except TimeoutError:
        return seen, "silence"


def split(response: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by lower-case name, and the raw body."""
    head, _, body = response.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return int(status.split()[1]), {name.lower(): value for name, value in pairs}, body


def dechunk(body: bytes) -> tuple[list[bytes], bool]:
    """The chunks of a chunked body, and whether its end was there. A chunk cut short is left out."""
    chunks: list[bytes] = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return chunks, True
        if len(rest) < length + 2:
            return chunks, False
        chunks.append(rest[:length])
        body = rest[length + 2 :]
    return chunks, False


def events(response: bytes) -> list[dict[str, object]]:
    """The JSON of each `data:` event or NDJSON line of a chunked response, the marker `[DONE]` left out."""
    lines = b"".join(dechunk(split(response)[2])[0]).split(b"\n")
    data = (line.removeprefix(b"data: ") for line in lines if line and not line.startswith(b":"))
    return [orjson.loads(line) for line in data if line != b"[DONE]"]


def chat(max_tokens: int = 4, **more: object) -> dict[str, object]:
    """A streaming chat request as OpenAI's API has it."""
    return {"model": "tiny", "messages": [{"role": "user", "content": "Hello there"}], "stream": True, "max_tokens": max_tokens, **more}


def ollama_chat(tokens: int = 4) -> dict[str, object]:
    """A chat request as Ollama's own API has it."""
    return {"model": "tiny", "messages": [{"role": "user", "content": "Hello there"}], "options": {"num_predict": tokens}}
