"""The engines under watch, and how they are reached, as an operator writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, SecretStr, Strict, ValidationInfo, field_validator, model_validator

from config.adapting import check_chat_path, check_extra_body, check_max_tokens_field, check_omit
from config.base import Section
from config.choices import ApiName, BackendName
from config.endings import without_ending
from config.engine_metrics import HAVE_METRICS, TargetMetrics, check_fits
from config.only_some import ADAPTERS, check_adapter, owners, who_loads, whose_api
from config.quantities import Seconds, read_foreign_name
from config.rules import Finding, check_header, check_plain_url, check_tls, refuse
from probes import backends
from probes.adaptation import MAX_TOKENS, NEWER_MAX_TOKENS, Adaptation
from probes.ask import Tls
from probes.backends.backend import Backend
from probes.load import PATIENCE_SECONDS
from probes.wording import listed

NonEmpty = Annotated[str, Field(min_length=1)]
ForeignName = Annotated[NonEmpty, AfterValidator(read_foreign_name)]
"""A name that others have given to something, like a model or a field."""
Headers = Mapping[str, SecretStr]
ChatPath = Annotated[str, AfterValidator(check_chat_path)]
_OWN_APIS = [f"`{api}` for {owner.title}'s own `{form.path}`" for owner, api, form in backends.own_apis()]
_LOAD = backends.titles(lambda backend: backend.on_demand)


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
    server_name: ForeignName | None = Field(default=None, description="name to expect in the certificate, where it is not the URL's host")
    insecure: bool = Field(default=False, description="accept any certificate")


class Target(Section):
    """One engine at an address."""

    backend: BackendName = Field(description=f"which engine answers there; `{backends.unnamed()}`: {backends.get(backends.unnamed()).title}")
    chat_path: ChatPath | None = Field(
        default=None, description="path of chats below `url`, where it is not the API's own: `/chat/completions`; the list of models is beside it"
    )
    url: str = Field(description="where it answers, `http://` or `https://`, without the API's own path such as `/v1`")
    model: ForeignName | None = Field(default=None, description="model to chat with; left out: the first that the engine lists, or has in memory")
    adapter: ForeignName | None = Field(
        default=None, description=f"{', '.join(ADAPTERS)}: LoRA adapter to chat with, in place of `model`; its name is not checked by the engine"
    )
    api: ApiName = Field(default="chat", description=f"`chat`, or {listed(_OWN_APIS, 'or')}")
    api_key: SecretRef | None = Field(default=None, description="bearer key, `{file: PATH}` or `{env: NAME}`")
    tls_settings: TlsSettings = Field(default=TlsSettings(), alias="tls", description="certificates, for `https://`")
    headers: Headers = Field(default={}, description="more request headers; values are secrets and never shown")
    omit: Annotated[tuple[ForeignName, ...], Strict(False)] = Field(
        default=(), description="fields to leave out of requests, like `[seed, stream_options.continuous_usage_stats]`"
    )
    extra_body: Mapping[ForeignName, Any] = Field(
        default={}, description="more fields for requests, laid over the others; nothing secret, it is shown"
    )
    max_tokens_field: ForeignName | None = Field(
        default=None, description=f"name of the field that bounds the answer, where it is not `{MAX_TOKENS}`: `{NEWER_MAX_TOKENS}`"
    )
    query: Mapping[ForeignName, SecretStr] = Field(
        default={}, description="what follows every path behind a `?`, by name; values are secrets and never shown"
    )
    load_model: bool = Field(default=False, description=f"{', '.join(_LOAD)}: whether a probe may load a model that is not loaded")
    load_timeout_seconds: Seconds = Field(
        default=PATIENCE_SECONDS,
        alias="load_timeout",
        description="with `load_model`: longest that a load may take; one given up is thrown away",
    )
    metrics: TargetMetrics | None = Field(
        default=None,
        validate_default=True,
        description=f"{', '.join(HAVE_METRICS)}: where the engine's own metrics are; `false`: it is not asked for them",
    )

    @property
    def tells_of_itself(self) -> bool:
        """Whether the engine is asked for its own metrics, or for the models that it has in memory."""
        return backends.get(self.backend).on_demand is not None if self.metrics is None else self.metrics.wanted

    @property
    def tls(self) -> Tls:
        return Tls(**self.tls_settings.model_dump())

    @property
    def adaptation(self) -> Adaptation:
        query = {name: value.get_secret_value() for name, value in self.query.items()}
        return Adaptation(frozenset(self.omit), self.extra_body, self.max_tokens_field, self.chat_path, query)

    @field_validator("url")
    @classmethod
    def _usable_url(cls, url: str, info: ValidationInfo) -> str:
        """Without what chatprobe adds itself behind it."""
        return without_ending(check_plain_url(url), info.data.get("backend"), info.data.get("chat_path"))[0]

    @field_validator("metrics", mode="before")
    @classmethod
    def _usual_place(cls, written: object, info: ValidationInfo) -> object:
        """Left out: where the engine has them."""
        backend = backends.BACKENDS.get(info.data.get("backend", ""))
        return written if written is not None or backend is None or backend.metrics is None else {"path": backend.metrics.path}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        backend = backends.get(self.backend)
        findings: list[Finding] = [*check_fits(self.metrics, backend)]
        if self.api not in backend.forms:
            findings.append((("api",), f"{whose_api(self.api)}, and this is no {owners(self.api)}; leave it out, or write api: chat"))
        findings += check_adapter(self.adapter, self.model, backend)
        if self.load_model and backend.on_demand is None:
            findings.append((("load_model",), f"{who_loads()}; leave it out"))
        if not self.load_model and self.load_timeout_seconds != PATIENCE_SECONDS:
            findings.append((("load_timeout",), "is for a target with load_model: true; write that too, or leave it out"))
        urls = [self.url, *((self.metrics and self.metrics.urls) or ())]
        findings += check_tls(next((url for url in urls if url.startswith("https://")), self.url), self.tls_settings.model_dump(exclude_unset=True))
        findings += self._adapts(backend)
        findings += check_headers(self.headers, has_api_key=self.api_key is not None)
        refuse(findings)
        return self

    def _adapts(self, backend: Backend) -> Iterator[Finding]:
        yield from check_extra_body(self.extra_body, backend, load_model=self.load_model)
        if self.api not in backend.forms:
            return
        yield from check_omit(self.omit, backend, self.api, load_model=self.load_model)
        if self.max_tokens_field is not None:
            yield from check_max_tokens_field(self.max_tokens_field, backend, self.api)


def check_headers(headers: Headers, *, has_api_key: bool) -> Iterator[Finding]:
    """What is wrong with more request headers, as a whole."""
    seen: set[str] = set()
    for name, value in headers.items():
        yield from check_header(name, value.get_secret_value(), has_api_key=has_api_key, seen=seen)
        seen.add(name.lower())
