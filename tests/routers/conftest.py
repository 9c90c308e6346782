from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.routers.configurations import EDGE_HOST, PASSTHROUGH_HOST


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A router's key and certificate in one PEM file, for loopback and for the hosts of Routes."""
    issued = authority.issue_cert("127.0.0.1", EDGE_HOST, PASSTHROUGH_HOST)
    path: Path = tmp_path_factory.mktemp("router") / "router.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(path))
    return path
