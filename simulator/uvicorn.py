"""Response heads as uvicorn writes them, the server beneath vLLM and SGLang."""

from __future__ import annotations

from http import HTTPStatus

from simulator.dialect import Head, http_date

CORS = ("vary: Origin",)


def uvicorn_head(head: Head, wall_ns: int, cors: tuple[str, ...] = CORS) -> bytes:
    """Date and server first, the application's headers, what its CORS layer adds, then what concerns the connection."""
    lines = [f"HTTP/1.1 {head.status} {HTTPStatus(head.status).phrase}", f"date: {http_date(wall_ns)}", "server: uvicorn"]
    lines += [f"{name}: {value}" for name, value in head.headers]
    if head.length is not None:
        lines.append(f"content-length: {head.length}")
    if head.content_type is not None:
        lines.append(f"content-type: {head.content_type}")
    lines += cors
    if head.closing:
        lines.append("connection: close")
    if head.length is None:
        lines.append("transfer-encoding: chunked")
    return "\r\n".join([*lines, "", ""]).encode()
