"""Pages of DCGM's exporter, read over sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from bench.engine_side.gpus import Gpu, GpuPage, look_at_gpus
from exporter.native.scrape import Scraper
from tests.answers import whole
from tests.servers import closed_port, serving, then_close
from traffic.schedule import SystemClock

LABELS = 'UUID="GPU-1",pci_bus_id="00000000:31:00.0",device="nvidia0",modelName="NVIDIA L4"'
PAGE = f"""\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{{gpu="0",{LABELS},Hostname="n1"}} 97
DCGM_FI_DEV_GPU_UTIL{{gpu="1",{LABELS},Hostname="n1"}} 0
# TYPE DCGM_FI_DEV_FB_USED gauge
DCGM_FI_DEV_FB_USED{{gpu="0",{LABELS},Hostname="n1"}} 20480
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{{gpu="0",{LABELS},Hostname="n1"}} 71.5
# TYPE DCGM_FI_DEV_SM_CLOCK gauge
DCGM_FI_DEV_SM_CLOCK{{gpu="0",{LABELS},Hostname="n1"}} 1410
DCGM_FI_DEV_SM_CLOCK{{gpu="1",{LABELS},Hostname="n1"}} 2147483632
# TYPE DCGM_FI_DEV_CLOCKS_EVENT_REASONS gauge
DCGM_FI_DEV_CLOCKS_EVENT_REASONS{{gpu="0",{LABELS},Hostname="n1"}} 36
DCGM_FI_DEV_CLOCKS_EVENT_REASONS{{gpu="1",{LABELS},Hostname="n1"}} 1
"""


@pytest_asyncio.fixture
async def scraper() -> AsyncIterator[Scraper]:
    async with Scraper(SystemClock()) as opened:
        yield opened


async def seen(scraper: Scraper, text: str, gpus: frozenset[str] = frozenset()) -> tuple[tuple[Gpu, ...], str | None]:
    with serving(then_close(whole(200, text.encode(), "text/plain; version=0.0.4"))) as server:
        page = GpuPage(f"{server.url}/metrics", ("a",), gpus)
        reading = await look_at_gpus(page, scraper, SystemClock(), timeout_seconds=5)
    return reading.gpus, reading.problem


async def test_what_a_page_says_of_each_gpu(scraper: Scraper) -> None:
    found, problem = await seen(scraper, PAGE)
    assert problem is None
    assert found == (
        Gpu(
            index="0",
            host="n1",
            model="NVIDIA L4",
            utilisation_ratio=0.97,
            memory_used_mebibytes=20480,
            power_watts=71.5,
            sm_clock_megahertz=1410,
            held_back=("power cap", "temperature, by the driver"),
        ),
        Gpu(index="1", host="n1", model="NVIDIA L4", utilisation_ratio=0.0, held_back=()),
    )


async def test_only_the_gpus_that_are_named_count(scraper: Scraper) -> None:
    found, _ = await seen(scraper, PAGE, frozenset({"1"}))
    assert [gpu.index for gpu in found] == ["1"]
    found, problem = await seen(scraper, PAGE, frozenset({"7"}))
    assert (found, problem) == ((), "no GPU of these on the page")


async def test_names_of_other_versions_are_read(scraper: Scraper) -> None:
    text = PAGE.replace("CLOCKS_EVENT_REASONS", "CLOCK_THROTTLE_REASONS").replace("POWER_USAGE", "BOARD_POWER_WATTS").replace("Hostname", "hostname")
    assert (await seen(scraper, text))[0] == (await seen(scraper, PAGE))[0]


async def test_a_page_that_does_not_answer_is_a_look_that_says_so(scraper: Scraper) -> None:
    page = GpuPage(f"http://127.0.0.1:{closed_port()}/metrics", ("a",))
    reading = await look_at_gpus(page, scraper, SystemClock(), timeout_seconds=5)
    assert reading.gpus == ()
    assert (reading.problem or "").startswith("unreachable: ")


async def test_a_page_without_gpus_says_so(scraper: Scraper) -> None:
    assert await seen(scraper, "# TYPE up gauge\nup 1\n") == ((), "no GPU on the page")
