"""A value out of a list that is asked for when the value is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from probes import backends
from probes.wording import listed


@dataclass(frozen=True, slots=True)
class OneOf:
    """Marks text that must be one of these. Errors and JSON schema are those of a `Literal`."""

    values: Callable[[], Sequence[str]]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._checked)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"enum": list(self.values()), "type": "string"}

    def _checked(self, written: object) -> str:
        values = self.values()
        if isinstance(written, str) and written in values:
            return written
        raise PydanticKnownError("literal_error", {"expected": listed([repr(value) for value in values], "or")})


BackendName = Annotated[str, OneOf(backends.names)]
ApiName = Annotated[str, OneOf(backends.apis)]
