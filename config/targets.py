"""The engines under watch, and how they are reached, as an operator writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from config.base import Section
from config.native import PATH, TargetMetrics, check_fits
from config.rules import Finding, as_error, check_header, check_tls, check_url
from probes.ask import Api, Tls

NonEmpty = Annotated[str, Field(min_length=1)]
Headers = Mapping[str, SecretStr]


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
    headers: Headers = Field(default={}, description="more request headers; values are secrets and never shown")
    load_model: bool = Field(default=False, description="Ollama: whether a probe may load a model that is not loaded")
    metrics: TargetMetrics | None = Field(
        default=None, validate_default=True, description="vLLM, TGI: where the engine's own metrics are; `false`: it is not asked for them"
    )

    @property
    def tells_of_itself(self) -> bool:
        """Whether the engine is asked for its own metrics, or Ollama for its loaded models."""
        return self.backend == "ollama" if self.metrics is None else self.metrics.wanted

    @property
    def tls(self) -> Tls:
        return Tls(**self.tls_settings.model_dump())

    @field_validator("url")
    @classmethod
    def _usable_url(cls, url: str) -> str:
        return check_url(url)

    @field_validator("metrics", mode="before")
    @classmethod
    def _usual_place(cls, written: object, info: ValidationInfo) -> object:
        """Left out: where these engines have them."""
        return {"path": PATH} if written is None and info.data.get("backend") in ("vllm", "tgi") else written

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        findings: list[Finding] = [*check_fits(self.metrics, self.backend)]
        if self.api == "generate" and self.backend != "tgi":
            findings.append((("api",), "is TGI's own API, and this is no TGI; leave it out, or write api: chat"))
        if self.load_model and self.backend != "ollama":
            findings.append((("load_model",), "is for Ollama, the only engine that loads models on demand; leave it out"))
        urls = [self.url, *((self.metrics and self.metrics.urls) or ())]
        findings += check_tls(next((url for url in urls if url.startswith("https://")), self.url), self.tls_settings.model_dump(exclude_unset=True))
        findings += check_headers(self.headers, has_api_key=self.api_key is not None)
        if findings:
            raise as_error(findings)
        return self


def check_headers(headers: Headers, *, has_api_key: bool) -> Iterator[Finding]:
    """What is wrong with more request headers, as a whole."""
    seen: set[str] = set()
    for name, value in headers.items():
        yield from check_header(name, value.get_secret_value(), has_api_key=has_api_key, seen=seen)
        seen.add(name.lower())
