"""The proof by captured packets: what a capture says of bytes, and what is made of records held against it."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.accuracy import certificates, server, truth_of
from benchmarks.capture import CaptureError, Connections, Packet, capturing, read
from benchmarks.truth_server import Truth
from benchmarks.wire_truth import HEAD, Condition, Finding, Judged, judged, keep, kept, open_streams

PORT, CLIENT = 8000, 40000
CONDITION = Condition(50, False, "alone")
MS = 1_000_000


def opening(at_ns: int = 0, *, client: int = CLIENT, sequences: tuple[int, int] = (1000, 5000)) -> list[Packet]:
    """The first two packets of a connection; its streams begin behind these sequence numbers."""
    return [Packet(at_ns, client, PORT, sequences[0], True, False, 0), Packet(at_ns, PORT, client, sequences[1], True, True, 0)]


def asked(at_ns: int, sequence: int, size: int) -> Packet:
    return Packet(at_ns, CLIENT, PORT, sequence, False, True, size)


def answered(at_ns: int, sequence: int, size: int) -> Packet:
    return Packet(at_ns, PORT, CLIENT, sequence, False, True, size)


def test_a_byte_came_with_the_first_packet_that_has_it() -> None:
    packets = [*opening(), asked(10, 1001, 100), answered(20, 5001, 50), answered(30, 5051, 70), answered(90, 5001, 120), answered(99, 5121, 1)]
    connection = Connections(packets, PORT).of(CLIENT, 10)
    assert connection is not None
    assert [connection.client.came_ns(byte) for byte in (0, 99, 100)] == [10, 10, None]
    assert [connection.server.came_ns(byte) for byte in (0, 49, 50, 119, 120, 121)] == [20, 20, 30, 30, 99, None]


def test_behind_a_gap_in_the_capture_nothing_is_known() -> None:
    packets = [*opening(), answered(20, 5001, 50), answered(30, 5061, 10), answered(40, 5071, 10)]
    connection = Connections(packets, PORT).of(CLIENT, 10)
    assert connection is not None
    assert [connection.server.came_ns(byte) for byte in (49, 50, 60, 70)] == [20, None, None, None]


def test_sequence_numbers_begin_again() -> None:
    packets = [*opening(sequences=(2**32 - 1, 2**32 - 11)), asked(5, 0, 20), answered(10, 2**32 - 10, 8), answered(20, 2**32 - 2, 10)]
    connection = Connections(packets, PORT).of(CLIENT, 10)
    assert connection is not None
    assert (connection.client.came_ns(19), connection.server.came_ns(7), connection.server.came_ns(17)) == (5, 10, 20)


def test_a_port_that_serves_again_has_a_connection_of_its_own() -> None:
    packets = [*opening(0), answered(20, 5001, 50), *opening(100, sequences=(1, 7)), answered(120, 8, 50)]
    connections = Connections(packets, PORT)
    found = [connections.of(CLIENT, at_ns) for at_ns in (50, 150)]
    assert [one.server.came_ns(0) for one in found if one] == [20, 120]
    assert connections.of(CLIENT + 1, 150) is None


def test_a_pcap_file_is_read(tmp_path: Path) -> None:
    tcp = struct.pack(">HHIIBBHHH", PORT, CLIENT, 5001, 1, 8 << 4, 0x18, 0, 0, 0) + bytes(12)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + 1000, 0, 0, 64, 6, 0, bytes(4), bytes(4))
    frame = bytes(12) + b"\x08\x00" + ip + tcp
    other = bytes(12) + b"\x86\xdd" + bytes(40)
    head = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 128, 1)
    packets = b"".join(struct.pack("<IIII", 7, 42, len(data), len(data) + 1000) + data for data in (other, frame))
    assert list(read(head + packets + b"\x01\x02")) == [Packet(7_000_000_042, PORT, CLIENT, 5001, False, True, 1000)]
    with pytest.raises(CaptureError, match="--time-stamp-precision=nano"):
        list(read(b"\xd4\xc3\xb2\xa1" + head[4:]))


def chat(*, bound: float = 0.0, ttft: float = 0.010, gap: float = 0.020, request_id: str = "a") -> dict[str, object]:
    """A record of three tokens."""
    chunks = [[ttft + gap * number, 1] for number in range(3)]
    return {"request_id": request_id, "ttft_seconds": ttft, "chunks": chunks, "max_timing_error_seconds": bound, "doubtful": bound > 0.001}


def packets_of_a_chat() -> list[Packet]:
    """A request at 5 ms, the first token 10 ms later, and two more 20 ms apart."""
    return [*opening(), asked(5 * MS, 1001, 100), *(answered((15 + 20 * number) * MS, 5001 + 50 * number, 50) for number in range(3))]


TRUTH = Truth(5 * MS, CLIENT, 0, token_ends=[48, 98, 148])


@pytest.mark.parametrize(
    ("record", "ttft_error", "gap_error", "beyond"),
    [
        (chat(), 0, 0, 0),
        (chat(ttft=0.0101, bound=0.0001), 0.0001, 0, 0),
        (chat(ttft=0.0101, bound=0.00005), 0.0001, 0, 0.00005),
        (chat(gap=0.0198, bound=0.0001), 0, -0.0002, 0.0001),
        (chat(gap=0.0198, bound=0.002), 0, -0.0002, 0),
    ],
)
def test_a_record_is_held_against_the_packets(record: dict[str, object], ttft_error: float, gap_error: float, beyond: float) -> None:
    found = judged(CONDITION, 50.0, [record], {"a": TRUTH}, Connections(packets_of_a_chat(), PORT), 0)
    (one,) = found.chats
    assert (one.ttft_error, one.worst_gap_error) == pytest.approx((ttft_error, gap_error), abs=1e-9)
    assert one.beyond == pytest.approx(beyond, abs=1e-9)
    assert (found.gaps, found.unseen) == (2, 0)
    assert found.gap_error_max == pytest.approx(abs(gap_error), abs=1e-9)


def test_a_chat_whose_packets_are_missing_is_not_judged() -> None:
    packets = packets_of_a_chat()
    del packets[4]
    with pytest.raises(CaptureError, match="and 1 that it has not"):
        judged(CONDITION, 50.0, [chat()], {"a": TRUTH}, Connections(packets, PORT), 3)
    packets += [*opening(90 * MS), asked(95 * MS, 1001, 100), *(answered((105 + 20 * number) * MS, 5001 + 50 * number, 50) for number in range(3))]
    truths = {"a": TRUTH, "b": Truth(95 * MS, CLIENT, 0, token_ends=[48, 98, 148])}
    found = judged(CONDITION, 50.0, [chat(), chat(request_id="b")], truths, Connections(packets, PORT), 3)
    assert (len(found.chats), found.unseen, found.lost_packets) == (1, 1, 3)


def test_streams_that_are_open_are_counted_by_time() -> None:
    truths = [Truth(0, CLIENT, sent_ns=[(5, 6), (199, 200)]), Truth(150, CLIENT, sent_ns=[(170, 175)]), Truth(100, CLIENT)]
    assert open_streams(truths, 100, 200) == pytest.approx(1.25)


def test_what_is_kept_is_printed_and_drawn(tmp_path: Path) -> None:
    from benchmarks.wire_picture import draw  # matplotlib, which every process that collects tests would load

    file, picture = tmp_path / "kept.ndjson", tmp_path / "picture.png"
    sure, unsure = Judged(0.00002, False, 0.00001, 0.0), Judged(0.002, True, 0.0005, -0.0021)
    for tls, chats in ((False, [unsure]), (True, [sure, unsure]), (False, [sure, sure, sure, unsure])):
        keep(Finding(Condition(200, tls, "hog"), 187.6, chats, 100, 0.0001, 0.0002, 1, 0), file)
    plain, secured = kept(file)
    assert [len(one.chats) for one in (plain, secured)] == [4, 2], "of each condition what was measured last"
    assert plain.row() == (
        "| a CPU hog on chatprobe's core | 200 | plain | 188 | 4 | 100 | 0.010 / 0.500 / 0.500 ms | 0.100 / 0.200 ms | 0.020 / 2.000 / 2.000 ms"
        " | 1, by 0.100 ms | 25.0% | 1 | none |"
    )
    assert replace(plain, lost_packets=1234).row().endswith("| 1 | 1,234 packets |")
    assert HEAD.splitlines()[0].count("|") == plain.row().count("|")
    draw([plain, secured], picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def request(request_id: str) -> bytes:
    return f"POST / HTTP/1.1\r\nx-request-id: {request_id}\r\ncontent-length: 2\r\n\r\n{{}}".encode()


def asked_for(sock: socket.socket, request_id: str) -> bytes:
    """The whole answer to a chat."""
    sock.sendall(request(request_id))
    answer = b""
    while not answer.endswith(b"\r\n0\r\n\r\n"):
        answer += sock.recv(65536)
    return answer


def test_the_server_tells_where_each_token_ends(tmp_path: Path) -> None:
    with server(None, "--tokens", "3", cpu=None) as (port, process), socket.create_connection(("127.0.0.1", port)) as sock:
        first, second = asked_for(sock, "a"), asked_for(sock, "b")
        known = truth_of(process, tmp_path)
        client_port = sock.getsockname()[1]
    stream = first + second
    for request_id in ("a", "b"):
        for number, end in enumerate(known[request_id].token_ends, 1):
            assert stream[:end].endswith(b"}\n\n")
            assert f'" word{number}"' in stream[:end].decode().rpartition("data: ")[2]
    assert [known[request_id].port for request_id in ("a", "b")] == [client_port] * 2
    assert [known[request_id].request_begin for request_id in ("a", "b")] == [0, len(request("a"))]


def test_the_server_tells_where_each_token_ends_in_tls(tmp_path: Path) -> None:
    ca, certificate = certificates(tmp_path)
    context = ssl.create_default_context(cafile=str(ca))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    cipher, plain, sent, handshaken = b"", b"", 0, 0
    with server(certificate, "--tokens", "3", cpu=None) as (port, process), socket.create_connection(("127.0.0.1", port)) as sock:
        while not plain.endswith(b"\r\n0\r\n\r\n"):
            try:
                if not handshaken:
                    tls.do_handshake()
                    handshaken = sent + outgoing.pending
                    tls.write(request("a"))
                plain += tls.read(65536)
            except ssl.SSLWantReadError:
                data = outgoing.read()
                sock.sendall(data)
                sent += len(data)
                data = sock.recv(65536)
                cipher += data
                incoming.write(data)
        truth = truth_of(process, tmp_path)["a"]
    ends = [0]
    while ends[-1] < len(cipher):
        ends.append(ends[-1] + 5 + int.from_bytes(cipher[ends[-1] + 3 : ends[-1] + 5], "big"))
    assert set(truth.token_ends) < set(ends), "each ends a TLS record"
    assert truth.request_begin == handshaken


@pytest.mark.skipif((shutil.which("tcpdump") is None or os.geteuid() != 0) and not os.environ.get("CI"), reason="needs tcpdump, and root")
def test_packets_are_captured_with_the_instants_at_which_they_came(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        file = tmp_path / "packets.pcap"
        with capturing(port, file) as capture, socket.create_connection(("127.0.0.1", port)) as sock:
            there, (_, client_port) = listener.accept()
            before = time.time_ns()
            sock.sendall(b"ask")
            assert there.recv(10) == b"ask"
            between = time.time_ns()
            there.sendall(b"answer")
            assert sock.recv(10) == b"answer"
            after = time.time_ns()
            there.close()
    connection = capture.connections().of(client_port, after)
    assert connection is not None
    asked_ns, answered_ns = connection.client.came_ns(2), connection.server.came_ns(5)
    assert asked_ns is not None
    assert answered_ns is not None
    assert before <= asked_ns <= between <= answered_ns <= after
    assert capture.lost == 0
