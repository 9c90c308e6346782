"""One look at a cluster, for commands that do not go on watching it."""

from __future__ import annotations

import asyncio
import time

from config.model import Config
from config.secrets import Secrets
from discovery.kubernetes.discovery import ClusterDiscovery, Seen
from probes.control import Control
from traffic.schedule import SystemClock

LONGEST_LOOK_SECONDS = 45.0
"""Until everything was listed and everyone was asked, or given up."""
_STEP_SECONDS = 0.2


async def seen_once(config: Config, control: Control) -> Seen:
    """What is found in the cluster that the configuration names; nothing where it names none. Raises `config.secrets.SecretError`."""
    if config.discovery.kubernetes is None:
        return Seen()
    discovery = ClusterDiscovery(control, SystemClock())
    ends = time.monotonic() + LONGEST_LOOK_SECONDS
    try:
        await discovery.configure(config, Secrets())
        while time.monotonic() < ends:
            discovery.seen = await discovery.look()
            if discovery.settled:
                break
            await asyncio.sleep(_STEP_SECONDS)
        if not discovery.seen.looked:
            return Seen(True, problems=(f"the API server did not list everything within {LONGEST_LOOK_SECONDS:g} s; look at its own health",))
        return discovery.seen
    finally:
        await discovery.close()
