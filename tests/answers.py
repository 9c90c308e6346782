"""What engines answer, as bytes: HTTP heads and chunks, and the frames of vLLM's chat stream."""

from __future__ import annotations

import json

SSE = "text/event-stream; charset=utf-8"
NDJSON = "application/x-ndjson"

END = b"0\r\n\r\n"
"""The last chunk of a chunked body."""
DONE = b"data: [DONE]\n\n"
COMMENT = b": keep-alive\n\n"
ERROR = b'data: {"error":{"message":"the engine fell over","type":"InternalServerError","code":500}}\n\n'


def head(status: int = 200, content_type: str | None = SSE, *fields: str, length: int | None = None, phrase: str = "X") -> bytes:
    """A response head; the body is chunked unless a length is given."""
    lines = [f"HTTP/1.1 {status} {phrase}", f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked", *fields]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def whole(status: int, body: bytes, content_type: str = "application/json", *fields: str) -> bytes:
    """A whole answer with a length."""
    return head(status, content_type, *fields, length=len(body)) + body


def frame(content: dict[str, object]) -> bytes:
    return b"data: " + json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "tiny", **content}).encode() + b"\n\n"


def delta(running_tokens: int | None = None, finish_reason: str | None = None, **fields: str) -> bytes:
    """A chunk of vLLM's stream; `running_tokens` is its running usage."""
    content: dict[str, object] = {"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}
    if running_tokens is not None:
        content["usage"] = {"prompt_tokens": 9, "completion_tokens": running_tokens, "total_tokens": 9 + running_tokens}
    return frame(content)


def token(text: str = "word ", running_tokens: int | None = None) -> bytes:
    return delta(running_tokens, content=text)


def usage(output_tokens: int) -> bytes:
    """The chunk without choices at the end of a stream."""
    return frame({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": output_tokens, "total_tokens": 9 + output_tokens}})


ROLE = delta(0, role="assistant", content="")
FINISH = delta(finish_reason="stop")


def stream(*frames: bytes) -> bytes:
    """A whole vLLM answer: each frame a chunk of its own, then the marker and the end of the message."""
    return head() + b"".join(chunk(one) for one in (*frames, DONE)) + END
