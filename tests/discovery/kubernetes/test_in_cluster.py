"""Logging in from a pod: by the token, the authority and the address that Kubernetes gives it (kubernetes.io, "Accessing the API from a Pod")."""

from __future__ import annotations

import datetime
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from kubernetes.config import incluster_config

from config.kubernetes import Kubernetes
from discovery.kubernetes.api import Api, ApiError
from discovery.kubernetes.kinds import KINDS
from tests.alone import alone
from tests.cluster import api, objects

SERVICES = next(kind for kind in KINDS if kind.plural == "services")
MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
LIKE_A_POD = 'mount -t tmpfs tmpfs /run && mkdir -p "$0" && cp "$1"/* "$0" && shift && exec "$@"'
"""In a mount namespace of its own: a folder becomes the one that a pod finds its service account in, then a command runs."""


@pytest.fixture
def account(ca_file: str, tmp_path: Path) -> Path:
    """What is mounted into a pod."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("canary-first-token")
    (folder / "ca.crt").write_text(Path(ca_file).read_text())
    return folder


@pytest.fixture
def url(cluster: api.Cluster, secure: ssl.SSLContext) -> Iterator[str]:
    cluster.put(objects.service("engine", app="vllm"))
    with api.serving(cluster, secure) as url:
        yield url


def environment(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {"KUBERNETES_SERVICE_HOST": str(parts.hostname), "KUBERNETES_SERVICE_PORT": str(parts.port)}


def test_a_pod_discovers(cluster: api.Cluster, url: str, account: Path, tmp_path: Path) -> None:
    file = tmp_path / "chatprobe.yaml"
    file.write_text(f"discovery: {{kubernetes: {{namespaces: [{objects.NAMESPACE}]}}}}\nscenarios: {{beat: {{every: 15s}}}}\n")
    command = [sys.executable, "-m", "cli", "discover", "--config", str(file), "--json"]
    run = subprocess.run(
        [*alone("mount"), "sh", "-c", LIKE_A_POD, MOUNTED, str(account), *command],
        env={**os.environ, **environment(url)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert [one["name"] for one in json.loads(run.stdout)["targets"]] == [f"{objects.NAMESPACE}/engine"], run.stderr
    assert {one.authorization for one in cluster.asked} == {"bearer canary-first-token"}
    assert "canary" not in run.stdout + run.stderr


@pytest.fixture
def in_pod(url: str, account: Path, monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(account / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(account / "ca.crt"))
    return Kubernetes.model_validate({"namespaces": [objects.NAMESPACE]})


def test_a_token_that_was_renewed_is_the_one_that_is_shown(
    cluster: api.Cluster, in_pod: Kubernetes, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens of pods last an hour, and the kubelet puts a new one in their place in time."""
    opened = Api(in_pod)
    opened.page(SERVICES, objects.NAMESPACE)
    (account / "token").write_text("canary-second-token")

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Later:
            return cls.fromtimestamp(time.time() + 61, tz)

    monkeypatch.setattr(incluster_config.datetime, "datetime", Later)
    opened.page(SERVICES, objects.NAMESPACE)
    assert [one.authorization for one in cluster.asked] == ["bearer canary-first-token", "bearer canary-second-token"]


def test_an_authority_that_is_not_the_clusters_is_not_trusted(in_pod: Kubernetes, account: Path, cluster: api.Cluster) -> None:
    (account / "ca.crt").write_bytes(trustme.CA().cert_pem.bytes())
    with pytest.raises(ApiError, match="the API server's certificate is not trusted; name its authority in the kubeconfig, or look at"):
        Api(in_pod).page(SERVICES, objects.NAMESPACE)
    assert cluster.asked == []


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_a_pod_without_a_service_account_is_told_what_would_help(in_pod: Kubernetes, account: Path, missing: str) -> None:
    (account / missing).unlink()
    with pytest.raises(ApiError, match=r"Service .* does not exist.; run in a pod with a service account, or name a kubeconfig"):
        Api(in_pod)
