"""A machine with a resolver of its own: answers questions for names from a table, and prints what `probes.names` makes of some.

    unshare --mount --net python -m tests.probes.name_server '{"records": {"engine.test": "192.0.2.1"}, "search": ["test"], "ask": ["engine.test"]}'

It listens at 127.0.0.1:53 and puts /etc/resolv.conf and /etc/hosts in its place, which only a mount and a network namespace of its own may bear.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probes.guard import Guard
from probes.names import addresses, resolve

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
A, IN = 1, 1
NO_SUCH_NAME = 3


def answer(question: bytes, records: Mapping[str, str]) -> bytes:
    """An answer to a DNS message with one question (RFC 1035 section 4): one address; none of another type; or that there is no such name."""
    labels, at = [], 12
    while (length := question[at]) != 0:
        labels.append(question[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    (kind,) = struct.unpack_from("!H", question, at + 1)
    name = ".".join(labels)
    address = records.get(name) or records.get(f"*.{name.partition('.')[2]}") or records.get("*." + ".".join(labels[-2:]))
    body = b"\xc0\x0c" + struct.pack("!HHIH", A, IN, 1, 4) + socket.inet_aton(address) if address and kind == A else b""
    flags = 0x8180 | (0 if address else NO_SUCH_NAME)
    return question[:2] + struct.pack("!HHHHH", flags, 1, 1 if body else 0, 0, 0) + question[12 : at + 5] + body


def serve(records: Mapping[str, str]) -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 53))

    def run() -> None:
        while True:
            question, peer = listening.recvfrom(512)
            listening.sendto(answer(question, records), peer)

    threading.Thread(target=run, daemon=True).start()


def switch_loopback_on() -> None:
    """It is off in a new network namespace. By the kernel's own call (netdevice(7)): not every machine has the program `ip`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def main(asked: Mapping[str, Any]) -> None:
    switch_loopback_on()
    with tempfile.TemporaryDirectory() as folder:
        for path, text in (
            ("/etc/resolv.conf", f"nameserver 127.0.0.1\nsearch {' '.join(asked['search'])}\noptions ndots:5\n"),
            ("/etc/hosts", "".join(f"{address} {name}\n" for name, address in asked.get("hosts", {}).items())),
            ("/etc/nsswitch.conf", "hosts: files dns\n"),
        ):
            stands_in = Path(folder) / Path(path).name
            stands_in.write_text(text)
            subprocess.run(["mount", "--bind", stands_in, path], check=True)
        serve(asked["records"])
        print(json.dumps({name: {"as others wrote it": _outcome(name, Guard()), "as we wrote it": _outcome(name, None)} for name in asked["ask"]}))


def _outcome(name: str, guard: Guard | None) -> list[str] | str:
    try:
        return addresses(resolve(name, 80, guard))
    except OSError as error:
        return error.strerror or str(error)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
