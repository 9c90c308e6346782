"""Has schemathesis ask for chats with targets that there are, every second time: of the names that it makes up, none is one."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Name a target and a scenario of the exporter that is asked, where what is sent is right but for that there is none of that name."""
    right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if right and case.operation.definition.raw.get("operationId") == "probe" and isinstance(case.body, dict) and len(str(case.body)) % 2:
        case.body |= {"target": "vllm", "scenario": "heartbeat"}
