"""The configuration, typed: what an operator may write, and the default of each key beside it.

A key's name in YAML is the field's alias where the two differ (`every` is `every_seconds`: fields carry their units). Objects are
immutable, refuse unknown keys, and hold no secret: an API key is a reference (`config.secrets` reads it), and header values are
`SecretStr`. An error's text has the form "what is wrong; what would be right"; the reader adds where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    SecretStr,
    Strict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from config.base import Section
from config.quantities import Address, ListenAddress, Name, Seconds, Share, write_duration
from config.references import dangling
from config.rules import Finding, as_error, check_header, check_tls, check_url
from probes.ask import Api, Cache, ConnectionPolicy, Timeouts, Tls
from probes.prompts import Named, PromptSpec, Synthetic, Text, names

Count = Annotated[int, Field(ge=1, le=1_000_000)]
NonEmpty = Annotated[str, Field(min_length=1)]
_DEFAULTS = Timeouts()


def _absolute(folder: str) -> str:
    if not folder.startswith("/"):
        raise ValueError("is not an absolute path; write one that begins with /")
    return folder


Folder = Annotated[str, AfterValidator(_absolute)]


class Web(Section):
    """The exporter's own web server."""

    listen: ListenAddress = Field(default=Address("127.0.0.1", 9840), description="address of `/metrics` and the other endpoints")


class SecretRef(Section):
    """Where a secret is kept: in a file or in an environment variable. The secret itself never stands in the configuration."""

    file: NonEmpty | None = Field(default=None, description="file that holds the key; it must lie below `secret_dirs` or beside this file")
    env: NonEmpty | None = Field(default=None, description="environment variable that holds the key")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("does not name one place of the key; write file: PATH or env: NAME")
        return self


class TlsSettings(Section):
    """How an engine's certificate is checked, and which certificate is shown to it."""

    ca_file: NonEmpty | None = Field(default=None, description="authorities (PEM) to trust instead of the system's")
    cert_file: NonEmpty | None = Field(default=None, description="client certificate (PEM)")
    key_file: NonEmpty | None = Field(default=None, description="its private key (PEM), under the same rule as an `api_key` file")
    server_name: NonEmpty | None = Field(default=None, description="name to expect in the certificate, where it is not the URL's host")
    insecure: bool = Field(default=False, description="accept any certificate")


class Target(Section):
    """One engine at an address."""

    backend: Literal["vllm", "tgi", "ollama", "openai"] = Field(description="which engine answers there; `openai`: any OpenAI-compatible server")
    url: str = Field(description="where it answers, `http://` or `https://`, without the API's own path such as `/v1`")
    model: NonEmpty | None = Field(default=None, description="model to chat with; left out: the first that the engine lists")
    api: Api = Field(default="chat", description="`chat`, or `generate` for TGI's own `/generate_stream`")
    api_key: SecretRef | None = Field(default=None, description="bearer key, `{file: PATH}` or `{env: NAME}`")
    tls_settings: TlsSettings = Field(default=TlsSettings(), alias="tls", description="certificates, for `https://`")
    headers: Mapping[str, SecretStr] = Field(default={}, description="more request headers; values are secrets and never shown")
    load_model: bool = Field(default=False, description="Ollama: whether a probe may load a model that is not loaded")

    @property
    def tls(self) -> Tls:
        return Tls(**self.tls_settings.model_dump())

    @field_validator("url")
    @classmethod
    def _usable_url(cls, url: str) -> str:
        return check_url(url)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        findings: list[Finding] = []
        if self.api == "generate" and self.backend != "tgi":
            findings.append((("api",), "is TGI's own API, and this is no TGI; leave it out, or write api: chat"))
        if self.load_model and self.backend != "ollama":
            findings.append((("load_model",), "is for Ollama, the only engine that loads models on demand; leave it out"))
        findings += check_tls(self.url, self.tls_settings.model_dump(exclude_unset=True))
        seen: set[str] = set()
        for name, value in self.headers.items():
            findings += check_header(name, value.get_secret_value(), has_api_key=self.api_key is not None, seen=seen)
            seen.add(name.lower())
        if findings:
            raise as_error(findings)
        return self


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write the prompt")
    return text


class SyntheticPrompt(Section):
    """`{input_tokens: N}` as it is written."""

    input_tokens: Annotated[int, Field(ge=1, le=200_000)]


class TextPrompt(Section):
    """`{text: ...}` as it is written."""

    text: Annotated[str, AfterValidator(_not_blank)]


def _read_prompt(written: object) -> object:
    match written:
        case Named() | Synthetic() | Text():
            return written
        case str() if written in names():
            return Named(written)
        case str():
            raise ValueError(f"is no prompt set; write one of {', '.join(sorted(names()))}, or {{input_tokens: N}}, or {{text: ...}}")
        case {"input_tokens": _, **others} if not others:
            return Synthetic(SyntheticPrompt.model_validate(written).input_tokens)
        case {"text": _, **others} if not others:
            return Text(TextPrompt.model_validate(written).text)
    raise ValueError("is no prompt; write the name of a prompt set, or {input_tokens: N}, or {text: ...}")


def _write_prompt(prompt: PromptSpec) -> object:
    match prompt:
        case Named():
            return prompt.name
        case Synthetic():
            return {"input_tokens": prompt.input_tokens}
        case Text():
            return {"text": prompt.text}


def _read_switch(written: object) -> object:
    """`on` and `off`; true and false too, because tools that speak YAML 1.1 (Helm) turn the words into these."""
    if isinstance(written, bool):
        return written
    if written in ("on", "off"):
        return written == "on"
    raise ValueError("is neither on nor off; write one of them")


Switch = Annotated[bool, BeforeValidator(_read_switch), PlainSerializer(lambda on: "on" if on else "off")]


class Scenario(Section):
    """One kind of chat, and how often it is held with each of its targets."""

    every_seconds: Seconds = Field(alias="every", description="a chat with each target this often, at least `1s`; a later start is counted as late")
    prompt: Annotated[PromptSpec, BeforeValidator(_read_prompt), PlainSerializer(_write_prompt)] = Field(
        default=Named("short-question"), description="name of a prompt set, `{input_tokens: N}` for a synthetic one, or `{text: ...}`"
    )
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] = Field(default=64, description="longest answer, in tokens")
    targets: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)] | None = Field(
        default=None, description="names of the targets to chat with; left out: all"
    )
    timeout_seconds: Seconds = Field(default=_DEFAULTS.total_seconds, alias="timeout", description="longest chat, from its start")
    first_token_timeout_seconds: Seconds = Field(
        default=None, alias="first_token_timeout", validate_default=True, description="longest wait for the first token, once the request is sent"
    )
    stall_timeout_seconds: Seconds = Field(
        default=None, alias="stall_timeout", validate_default=True, description="longest gap between tokens, after the first"
    )
    cache: Cache = Field(default="cold", description="`cold`: each prompt is new to the engine's prefix cache; `warm`: it is the same each time")
    thinking: Switch = Field(default=False, description="`on` lets a reasoning model think first")
    connection: ConnectionPolicy = Field(default="reuse", description="`reuse` keeps connections alive; `fresh` opens one for each chat")
    exact_length: bool = Field(default=False, description="answers of exactly `max_tokens`; vLLM only")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(default=1, description="seed of prompts and of sampling: the same seed, the same chats")

    @property
    def timeouts(self) -> Timeouts:
        return Timeouts(
            first_token_seconds=self.first_token_timeout_seconds, stall_seconds=self.stall_timeout_seconds, total_seconds=self.timeout_seconds
        )

    @field_validator("every_seconds")
    @classmethod
    def _not_a_load_test(cls, seconds: float) -> float:
        if seconds < 1:
            raise ValueError("is shorter than 1s; write 1s or more: a heartbeat beats, faster is a load on the engine that it measures")
        return seconds

    @field_validator("first_token_timeout_seconds", "stall_timeout_seconds", mode="before")
    @classmethod
    def _default_within_timeout(cls, written: object, info: ValidationInfo) -> object:
        """Left out: the default, or the whole chat's timeout where that is shorter."""
        if written is not None:
            return written
        default = _DEFAULTS.first_token_seconds if info.field_name == "first_token_timeout_seconds" else _DEFAULTS.stall_seconds
        return write_duration(min(default, info.data.get("timeout_seconds", default)))

    @field_validator("first_token_timeout_seconds", "stall_timeout_seconds")
    @classmethod
    def _within_timeout(cls, seconds: float, info: ValidationInfo) -> float:
        if seconds > info.data.get("timeout_seconds", seconds):
            raise ValueError("is longer than the chat's own timeout and would never strike; write a shorter one, or a longer timeout")
        return seconds


class Slo(Section):
    """An objective on a scenario. Without a threshold it is one on availability; with several, a good chat meets them all."""

    scenario: str = Field(description="name of the scenario whose chats count")
    ttft_seconds: Seconds | None = Field(default=None, alias="ttft", description="longest time to first token of a good chat")
    tpot_seconds: Seconds | None = Field(default=None, alias="tpot", description="longest time per output token of a good chat")
    e2e_seconds: Seconds | None = Field(default=None, alias="e2e", description="longest good chat, from start to end")
    objective: Share = Field(description="share of good chats, above `0%` and below `100%`")
    window_seconds: Seconds = Field(default=30 * 86400.0, alias="window", description="over which the objective holds")


Doubtful = Literal["keep", "drop"]


class Limits(Section):
    """Bounds of the load that chatprobe brings."""

    streams: Count = Field(default=500, description="most chats at once, over all targets")
    streams_per_target: Count = Field(default=100, description="most chats at once with one target")
    doubtful: Doubtful = Field(default="keep", description="whether timings that may be off by more than 1 ms go into the latency histograms")


class Config(Section):
    """The whole configuration."""

    web: Web = Field(default=Web(), description="the exporter's own web server")
    targets: Annotated[Mapping[Name, Target], Field(min_length=1)] = Field(description="engines to chat with, by name")
    scenarios: Annotated[Mapping[Name, Scenario], Field(min_length=1)] = Field(description="kinds of chats, by name")
    slos: Mapping[Name, Slo] = Field(default={}, description="service level objectives, by name")
    limits: Limits = Field(default=Limits(), description="bounds of the load that chatprobe brings")
    secret_dirs: Annotated[tuple[Folder, ...], Strict(False)] = Field(
        default=("/run/secrets", "/var/run/secrets/chatprobe"), description="folders (absolute) that secret files may lie below"
    )

    def targets_of(self, scenario: Scenario) -> Mapping[str, Target]:
        """The targets that a scenario chats with, by name."""
        chosen = self.targets if scenario.targets is None else scenario.targets
        return {name: self.targets[name] for name in chosen}

    @model_validator(mode="wrap")
    @classmethod
    def _with_references(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Looks at what one section says of another even where a section is wrong in itself, so that all errors come at once."""
        findings = list(dangling(data))
        try:
            config = handler(data)
        except ValidationError as error:
            raise as_error(findings, error) from None
        if findings:
            raise as_error(findings)
        return config
