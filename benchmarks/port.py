"""Whether probing stays exact while the port is asked: not at all, by scrapes, by scrapes over TLS, by ten open pages, and by an attack.

    python -m benchmarks.port [--users 50] [--seconds 20]

A whole exporter chats with the server that knows when each chunk was sent (`truth_server.py`). Its records are compared with that, as
`benchmarks.accuracy` compares them. Each scrape over TLS has a new connection. The attack is a hundred connections a second: half a TLS
handshake, a wrong password, bytes that are no request.
"""

from __future__ import annotations

import argparse
import base64
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import psutil
import trustme

from benchmarks.accuracy import compare, server, truth_of

WARM_UP_SECONDS = 5.0
READERS, FOLLOWED_SECONDS = 10, 6.0
USER, PASSWORD = "prometheus", "a password"
SHOWN = {"Authorization": f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    wanted = parser.parse_args()
    print("| The port is asked | TTFT error p99 | ITL error p99 | Doubtful chats | Chats | Processor |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, tls, ask in (
        ("not at all", False, nothing),
        ("by scrapes", False, scrape),
        ("by scrapes over TLS", True, scrape),
        ("by ten open pages", False, pages),
        ("by an attack", True, attack),
    ):
        print(f"| {name} {measured(tls, ask, wanted.users, wanted.seconds)}", flush=True)


def measured(tls: bool, ask: Callable[[int, ssl.SSLContext | None], None], users: int, seconds: float) -> str:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as name, server(None) as (port, truths):
        folder = Path(name)
        with exporter(folder, f"http://127.0.0.1:{port}", users, tls) as (own_port, process, trusts):
            cpu, until = spent(process), time.monotonic() + seconds
            asking = threading.Thread(target=repeat, args=(lambda: ask(own_port, trusts), until))
            asking.start()
            asking.join()
            share = (spent(process) - cpu) / seconds
        known = truth_of(truths, folder)
        chats = [json.loads(line) for line in (folder / "records.ndjson").read_text().splitlines()]
        ended = [one for one in chats if one["outcome"] == "ok" and one["request_id"] in known]
        whole = [one for one in ended if len(known[one["request_id"]].sent_ns) == len(one["chunks"])]
        rows = [[one["request_id"], [chunk[0] for chunk in one["chunks"]], one["doubtful"], None] for one in whole]
        found = compare({"chats": rows, "cpu_seconds": 0.0}, known)
    return f"| {found.ttft_error_ms:.3f} ms | {found.itl_error_ms:.3f} ms | {found.doubtful_share:.1%} | {len(rows)} | {share:.0%} |"


def repeat(once: Callable[[], None], until: float) -> None:
    while time.monotonic() < until:
        once()


def nothing(_: int, __: ssl.SSLContext | None) -> None:
    time.sleep(0.5)


def scrape(port: int, trusts: ssl.SSLContext | None) -> None:
    """A scrape on a connection of its own, and a second's pause."""
    request = urllib.request.Request(f"{'https' if trusts else 'http'}://127.0.0.1:{port}/metrics", headers=SHOWN)
    with urllib.request.urlopen(request, context=trusts) as answer:
        answer.read()
    time.sleep(1.0)


def pages(port: int, _: ssl.SSLContext | None) -> None:
    """Ten readers, each of whom opens the page and follows it for some seconds."""
    readers = [threading.Thread(target=follow, args=(port,)) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()


def follow(port: int) -> None:
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + FOLLOWED_SECONDS
    urllib.request.urlopen(f"{url}/").read()
    with urllib.request.urlopen(f"{url}/live/") as stream:
        while time.monotonic() < until:
            stream.readline()


def attack(port: int, trusts: ssl.SSLContext | None) -> None:
    """A tenth of a second of it."""
    for number in range(10):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
                if number % 3 == 0 and trusts is not None:
                    with trusts.wrap_socket(sock, server_hostname="127.0.0.1") as secure:
                        secure.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic cHJvbWV0aGV1czp3cm9uZw==\r\n\r\n")
                else:
                    sock.sendall(b"\x16\x03\x01\x02\x00\x01" if number % 3 else b"\x00" * 500)
        except OSError:
            pass  # that is what the port does
    time.sleep(0.05)


@contextmanager
def exporter(folder: Path, url: str, users: int, tls: bool) -> Iterator[tuple[int, psutil.Process, ssl.SSLContext | None]]:
    """`chatprobe serve` with so many users on the engine; gives its port, its process, and what trusts its certificate."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    trusts = closed(folder) if tls else None
    (folder / "chatprobe.yaml").write_text(
        f"web: {{listen: '127.0.0.1:{port}'{', config_file: web.yaml' if tls else ''}}}\n"
        f"targets: {{truth: {{backend: vllm, url: '{url}', model: m, metrics: false}}}}\n"
        f"scenarios: {{chat: {{users: {users}, think_time: 500ms, max_tokens: 200}}}}\n"
    )
    command = [sys.executable, "-m", "cli", "serve", "--config", str(folder / "chatprobe.yaml"), "--records", str(folder / "records.ndjson")]
    started = subprocess.Popen([*command, "--log-level", "error"])
    try:
        wait_until_open(port)
        time.sleep(WARM_UP_SECONDS)
        yield port, psutil.Process(started.pid), trusts
    finally:
        started.terminate()
        started.wait(60)


def wait_until_open(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def closed(folder: Path) -> ssl.SSLContext:
    """Writes a web configuration file with TLS and a user."""
    authority = trustme.CA()
    one = authority.issue_cert("127.0.0.1")
    one.cert_chain_pems[0].write_to_path(folder / "server.pem")
    one.private_key_pem.write_to_path(folder / "server.key")
    kept = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
    (folder / "web.yaml").write_text(f"tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{{USER}: '{kept}'}}\n")
    trusts = ssl.create_default_context()
    authority.configure_trust(trusts)
    return trusts


def spent(process: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


if __name__ == "__main__":
    main()
