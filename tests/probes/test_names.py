"""Names that others have written are looked up as they stand, in a machine whose resolver completes them as a pod's does."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from discovery.kubernetes.certificate import Certificate, look_at
from probes.ask import Endpoint, Tls
from probes.control_clients import Clients
from probes.guard import Guard
from probes.names import resolve
from tests.alone import alone

POD_SEARCHES = ("chatprobe.svc.cluster.local", "svc.cluster.local", "cluster.local")


def looked_up(names: Sequence[str], records: Mapping[str, str], search: Sequence[str] = POD_SEARCHES, hosts: Mapping[str, str] | None = None) -> Any:
    command = [*alone("mount", "net"), sys.executable, "-m", "tests.probes.name_server"]
    asked = json.dumps({"records": records, "search": search, "ask": names, "hosts": hosts or {}})
    return json.loads(subprocess.run([*command, asked], stdout=subprocess.PIPE, check=True).stdout)


def test_a_name_that_search_domains_would_make_one_of_the_cluster_leads_nowhere() -> None:
    found = looked_up(["pod.engine.other"], {"pod.engine.other.svc.cluster.local": "10.1.2.3"})
    assert found["pod.engine.other"] == {
        "as we wrote it": ["10.1.2.3"],
        "as others wrote it": "no name as it stands; only this machine's search domains make it one, pod.engine.other.svc.cluster.local",
    }


def test_a_search_domain_that_has_every_name_does_not_come_before_the_name_itself() -> None:
    records = {"vllm.apps.lab": "192.0.2.8", "*.ec2.internal": "192.0.2.99"}
    found = looked_up(["vllm.apps.lab", "gone.apps.lab"], records, ["svc.cluster.local", "ec2.internal"])
    assert found["vllm.apps.lab"] == {"as we wrote it": ["192.0.2.99"], "as others wrote it": ["192.0.2.8"]}
    assert found["gone.apps.lab"]["as others wrote it"].endswith("search domains make it one, gone.apps.lab.ec2.internal")


def test_whole_names_and_those_of_the_machines_own_file_are_found() -> None:
    records = {"router.apps.example.com": "192.0.2.7", "engine.models.svc.cluster.local": "172.30.0.9"}
    names = [*records, "router.apps.example.com.", "ROUTER.apps.example.com", "vllm.apps.testing", "10.0.0.1", "nowhere.example.com"]
    found = {name: one["as others wrote it"] for name, one in looked_up(names, records, hosts={"vllm.apps.testing": "192.0.2.50"}).items()}
    assert found == {
        "router.apps.example.com": ["192.0.2.7"],
        "router.apps.example.com.": ["192.0.2.7"],
        "ROUTER.apps.example.com": ["192.0.2.7"],
        "engine.models.svc.cluster.local": ["172.30.0.9"],
        "vllm.apps.testing": ["192.0.2.50"],
        "10.0.0.1": ["10.0.0.1"],
        "nowhere.example.com": "Name or service not known",
    }


@pytest.fixture
def completing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver completes `pod.engine.other`, and knows no such name as it stands."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *, type: int = 0, flags: int = 0) -> Any:
        if flags & socket.AI_NUMERICHOST or not host.startswith("pod.engine.other"):
            return real(host, port, type=type, flags=flags)
        if host.endswith("."):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        whole = "pod.engine.other.svc.cluster.local" if flags & socket.AI_CANONNAME else ""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, whole, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.usefixtures("completing")
async def test_neither_scrapes_nor_looks_at_certificates_go_there() -> None:
    why = "no name as it stands; only this machine's search domains make it one, pod.engine.other.svc.cluster.local"
    assert resolve("pod.engine.other", 80)
    endpoint = Endpoint("engine", "vllm", "http://pod.engine.other", guard=Guard(loopback=True))
    async with Clients() as clients:
        with pytest.raises(Exception, match=why):
            async with clients.get(endpoint, "http://pod.engine.other/metrics"):
                pass
    assert look_at("https://pod.engine.other", Tls(), Guard(loopback=True)) == Certificate(None, f"pod.engine.other: {why}")
