"""The listening socket, which can be closed for a while so that connections are refused."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Collection

from aiohttp import web


class Listener:
    """One address, open or refusing. While it refuses, the port stays bound, so that nobody else gets it."""

    def __init__(self, server: web.Server, host: str, port: int, ssl_context: ssl.SSLContext | None) -> None:
        self._server = server
        self._ssl_context = ssl_context
        self._host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._bound = _bind(family, host, port)
        self.port: int = self._bound.getsockname()[1]
        self._listening: asyncio.Server | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._change = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        scheme = "https" if self._ssl_context else "http"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self.port}"

    @property
    def refusing(self) -> bool:
        """Whether connections are refused now."""
        return self._listening is None

    async def open(self) -> None:
        """Listen; nothing happens if it does already."""
        async with self._change:
            self._cancel_reopening()
            if self._listening is None:
                loop = asyncio.get_running_loop()
                self._listening = await loop.create_server(self._server, sock=self._bound, ssl=self._ssl_context, backlog=4096)

    async def refuse(self, seconds: float | None, busy: Collection[object], spared: object) -> None:
        """Refuse connections, for `seconds` or until `open`; open ones are closed now, those in `busy` after their answer, `spared` not at all."""
        async with self._change:
            self._cancel_reopening()
            if self._listening is not None:
                family, address = self._bound.family, self._bound.getsockname()
                self._listening.close()
                self._listening = None
                self._bound = _bind(family, address[0], address[1])
            for connection in self._server.connections:
                if connection in busy and connection is not spared:
                    connection.close()
                elif connection is not spared:
                    connection.force_close()
            if seconds is not None:
                self._reopening = asyncio.get_running_loop().call_later(seconds, self._reopen)

    async def close(self) -> None:
        """Stop listening for good, and end what is connected."""
        for task in self._tasks:
            task.cancel()
        async with self._change:
            self._cancel_reopening()
            if self._listening is not None:
                self._listening.close()
                self._listening = None
            self._bound.close()
        await self._server.shutdown(0.05)

    def _reopen(self) -> None:
        task = asyncio.get_running_loop().create_task(self.open())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cancel_reopening(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None


def _bind(family: int, host: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
