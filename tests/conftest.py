"""Parts that tests of several rooms use."""

from __future__ import annotations

import functools
import gc
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import trustme
from httpx import create_ssl_context
from hypothesis import HealthCheck, settings

from probes.ask import Ask, Endpoint, Message, Tls
from probes.probing import Prober
from tests.accessibility import browsing
from tests.processes import Running
from tests.routers.configurations import EDGE_HOST, PASSTHROUGH_HOST
from tests.servers import Server

if TYPE_CHECKING:
    from playwright.async_api import Browser

LONGEST = (
    "e2e/test_page.py",
    "e2e/test_in_the_browser.py",
    "image/test_build.py",
    "e2e/test_dashboards.py",
    "alerts/test_slos.py",
    "test_wheel.py",
    "e2e/test_same_chat.py",
    "helm/test_chatprobe.py",
    "alerts/test_comparison.py",
    "test_tutorial.py",
    "cli/test_bench.py",
    "cli/test_demo.py",
    "cli/test_probe.py",
    "helm/test_charts.py",
    "alerts/test_targets.py",
    "alerts/test_prober.py",
    "notebooks/test_comparison.py",
    "alerts/test_standing.py",
    "e2e/test_canary.py",
    "bench/statistics/test_calibration.py",
    "probes/wire/test_workers.py",
)
"""Files of tests that take longest. Those that mostly wait stand between those that work: pytest-xdist gives each process the next one."""

os.environ.setdefault("GOGC", "400")
"""Of Helm, Prometheus and promtool: what lives for a second does with few collections of garbage, and a quarter of Helm's time went into them."""

# how long an example takes on a busy machine is no property of the code
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Nothing of what is collected is garbage, and a third of the time went into looking for it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: of the processes that share the tests, none is left alone with it at the end."""
    places = {Path(__file__).parent / file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Tells `.ci/suite`, which sees no more of it than that make failed, whether tests failed or something else did."""
    if session.config.pluginmanager.hasplugin("cacheprovider"):
        session.config.cache.set("chatprobe/status", int(exitstatus))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    Running.test = item


@pytest.fixture(scope="session", autouse=True)
def _priority() -> Iterator[None]:
    """A prober makes its process nicer than its worker, for as long as the process lives; that of the tests has others to wait for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("probes.wire.client.yield_to_worker", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _authorities() -> Iterator[None]:
    """Those of the system are read once, and not for each request that a test sends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", functools.cache(create_ssl_context))
        yield


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def prober() -> AsyncIterator[Prober]:
    """A prober with its worker, for all tests of a module that run in the module's event loop."""
    async with Prober() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, for all tests of a module that run in the module's event loop; each opens pages of its own."""
    async with browsing() as started:
        yield started


@pytest.fixture
def ask() -> Ask:
    return Ask(model="tiny", messages=(Message("user", "Say something."),), max_tokens=8, prompt_id="short-question")


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that no system trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The authority's certificate as a PEM file."""
    path: Path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def secure(authority: trustme.CA) -> ssl.SSLContext:
    """A server's TLS settings, with a certificate for loopback."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost", "::1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def pem(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A router's key and certificate in one file, for loopback and for the hosts of Routes."""
    path: Path = tmp_path_factory.mktemp("router") / "router.pem"
    authority.issue_cert("127.0.0.1", EDGE_HOST, PASSTHROUGH_HOST).private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@pytest.fixture
def trusting(ca_file: str) -> Callable[[Server], Endpoint]:
    """The endpoint of a vLLM server whose authority is trusted."""
    return lambda server: Endpoint("engine", "vllm", server.url, tls=Tls(ca_file=ca_file))
