"""The chat record: one chat, timed, and every measure that is defined on it.

Instants are nanoseconds on the monotonic clock; measures are seconds. Nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from operator import sub
from typing import Literal

from probes.ask import Cache
from probes.bursts import Bursts, bursts
from probes.chunk import NOT_TOLD, Chunk, Chunks
from probes.failure import Failure, Reason
from probes.mended import Mended
from probes.own_account import Native
from probes.wholeness import CHECK

SCHEMA = 1
DOUBTFUL_ABOVE_SECONDS = 0.001
"""A chat is doubtful when its first token or one of its gaps may be off by more than this."""

Outcome = Literal["ok", "failed", "cancelled"]
NATIVE_TPOT_MAY_DIFFER = 2.0
"""By what factor our TPOT and the engine's own may differ before the record tells it."""
TokenSource = Literal["usage", "chunks", "apportioned"]
Load = Literal["allowed", "unwanted"]
"""Whether the engine's owner gave leave to a load."""
PHASES = ("resolve", "connect", "tls", "send", "wait", "stream")


@dataclass(frozen=True, slots=True)
class Milestones:
    """When each phase before the first token ended; None for one that did not happen or was not completed.

    `request_sent_ns` is when the request's last byte had been handed to the kernel.
    """

    resolved_ns: int | None = None
    connected_ns: int | None = None
    secured_ns: int | None = None
    request_sent_ns: int | None = None


def _seconds(duration_ns: int) -> float:
    return duration_ns / 1e9


@dataclass(frozen=True, kw_only=True)
class ChatRecord:
    """One chat and what it measured.

    `sent_ns` is when the request's first byte was handed to the kernel (of the first try, where there were two), `sent_width_ns` how
    closely that instant is known. `ended_ns` is `finished` for a chat whose end was told, else the moment it failed or was cancelled.
    """

    target: str
    backend: str
    model: str
    scenario: str
    request_id: str
    prompt_id: str
    cache: Cache
    started_at: float
    """Wall-clock time of `started_ns`, seconds since the epoch."""
    started_ns: int
    ended_ns: int
    outcome: Outcome
    pair_id: str | None = None
    failure: Failure | None = None
    due_ns: int | None = None
    milestones: Milestones = Milestones()
    sent_ns: int | None = None
    sent_width_ns: int = 0
    headers_ns: int | None = None
    first_content_ns: int | None = None
    finished_ns: int | None = None
    chunks: Sequence[Chunk] = ()
    http_status: int | None = None
    connection: Literal["fresh", "reused"] | None = None
    retries: int = 0
    mended: Mended | None = None
    """None where the kernel does not tell, and where the connection was never made."""
    output_tokens: int | None = None
    input_tokens: int | None = None
    token_source: TokenSource | None = None
    chunk_token_source: TokenSource | None = None
    """Where the tokens of each chunk are from; None also where they cannot be told."""
    load: Load | None = None
    """Set where the chat waited for its model to be loaded, by what the engine said of that time."""
    finish_reason: str | None = None
    clock: Literal["kernel", "user"] = "kernel"
    reasoned: bool = False
    """Reasoning text came."""
    text: str = ""
    failed_check: str | None = None
    """Name of the check that the answer failed."""
    answer_head: str | None = None
    """How the answer begins, where it failed a check; no secret is in it."""
    left_out: tuple[str, ...] = ()
    """Fields that its request went without, as the target had refused them; `max_tokens` is sent by its newer name."""
    native: Native = Native()
    content_encoding: str | None = None
    """How the answer was compressed, though it was not to be: its tokens may have been held back until there was enough
    to compress.
    """
    certificate_expiry: float | None = None
    """When the server's certificate ends, seconds since the epoch."""

    @property
    def prompt_cut(self) -> bool:
        """The engine did not have the whole prompt: its count of tokens is not that of what was sent."""
        return self.failed_check == CHECK

    @property
    def reason(self) -> Reason | None:
        return self.failure.reason if self.failure else None

    @property
    def first_token_ns(self) -> int | None:
        return self.chunks[0].arrived_ns if self.chunks else None

    @property
    def last_token_ns(self) -> int | None:
        return self.chunks[-1].arrived_ns if self.chunks else None

    def _since_sent(self, instant_ns: int | None) -> float | None:
        if instant_ns is None or self.sent_ns is None:
            return None
        return _seconds(instant_ns - self.sent_ns)

    @property
    def ttft_seconds(self) -> float | None:
        """Time to first token: from the request's first byte to the first chunk that bears tokens."""
        return self._since_sent(self.first_token_ns)

    @property
    def waited_seconds(self) -> float | None:
        """How long a chat that timed out had waited in vain for its first token; None for every other chat."""
        if self.chunks or self.reason not in (Reason.FIRST_TOKEN_TIMEOUT, Reason.TIMEOUT):
            return None
        return self._since_sent(self.ended_ns)

    @property
    def headers_seconds(self) -> float | None:
        return self._since_sent(self.headers_ns)

    @property
    def first_content_seconds(self) -> float | None:
        """Time to the first chunk with answer text; later than TTFT where the model reasons first."""
        return self._since_sent(self.first_content_ns)

    @cached_property
    def _columns(self) -> Chunks:
        return Chunks.of(self.chunks)

    def gaps(self) -> list[tuple[float, int]]:
        """(seconds, how many tokens came behind it) of each gap between consecutive token-bearing chunks, where the tokens are told."""
        arrived_ns, borne = self._columns.arrived_ns, self._columns.borne
        gaps_ns = map(sub, arrived_ns[1:], arrived_ns)
        return [(gap_ns / 1e9, tokens) for gap_ns, tokens in zip(gaps_ns, borne[1:], strict=True) if tokens != NOT_TOLD]

    def inter_token_latencies(self) -> list[tuple[float, int]]:
        """(ITL in seconds, how many tokens have it) for each gap."""
        return [(seconds / tokens, tokens) for seconds, tokens in self.gaps()]

    @cached_property
    def later_tokens(self) -> int | None:
        """The tokens that came after the first chunk. None when nothing followed it, or where their number cannot be
        told.
        """
        borne = self._columns.borne[1:]
        return sum(borne) if borne and NOT_TOLD not in borne else None

    @property
    def tpot_seconds(self) -> float | None:
        """Time per output token after the first chunk; the chat's token-weighted mean ITL. None without `later_tokens`."""
        later = self.later_tokens
        return None if later is None else _seconds(self.chunks[-1].arrived_ns - self.chunks[0].arrived_ns) / later

    @property
    def native_tpot_seconds(self) -> float | None:
        """Time per output token after the first, by the engine's own account; None where it gives no decode time, or
        counts no tokens.
        """
        decode, tokens = self.native.decode_seconds, self.output_tokens
        if decode is None or tokens is None or tokens < 2 or self.token_source != "usage":
            return None
        return decode / (tokens - 1)

    @property
    def native_tpot_factor(self) -> float | None:
        """How many times the engine's own TPOT ours is, where they differ by more than a factor of two; None for one
        that agrees, or is not known.

        Then something on the way gathers tokens, or one of the two counts what is no token.
        """
        ours, own = self.tpot_seconds, self.native_tpot_seconds
        if not ours or not own or 1 / NATIVE_TPOT_MAY_DIFFER <= ours / own <= NATIVE_TPOT_MAY_DIFFER:
            return None
        return ours / own

    @property
    def e2e_seconds(self) -> float:
        """From the start to the end of the answer; for a failed chat, until it failed."""
        return _seconds(self.ended_ns - self.started_ns)

    @property
    def whole_answer_seconds(self) -> float | None:
        """E2E where the answer came whole; None for a failed chat, of which it would say how soon it failed."""
        return self.e2e_seconds if self.outcome == "ok" else None

    @property
    def output_tokens_per_second(self) -> float | None:
        """Output tokens a second over the whole chat; of `ok` chats only."""
        if self.outcome != "ok" or self.output_tokens is None or self.ended_ns <= self.started_ns:
            return None
        return self.output_tokens / self.e2e_seconds

    @cached_property
    def stall_seconds(self) -> float | None:
        """The longest gap between token-bearing chunks, the gap that was open when a chat failed included."""
        instants = list(self._columns.arrived_ns)
        if instants and self.outcome == "failed":
            instants.append(self.ended_ns)
        return _seconds(max(map(sub, instants[1:], instants))) if len(instants) > 1 else None

    @property
    def schedule_lag_seconds(self) -> float:
        """How late the chat started; 0 for one that no schedule wanted."""
        return 0.0 if self.due_ns is None else _seconds(self.started_ns - self.due_ns)

    @property
    def coalesced_chunks(self) -> int:
        """Chunks that had something behind them in their read."""
        return sum(self._columns.shared)

    @cached_property
    def max_timing_error_seconds(self) -> float:
        """The worst bound on the error of TTFT or of any gap.

        A stamp can only be later than the arrival, so a gap is off by at most the larger bound of its two ends.
        """
        if not self.chunks:
            return 0.0
        errors_ns = self._columns.error_ns
        return _seconds(max(errors_ns[0] + self.sent_width_ns, *errors_ns))

    @property
    def doubtful(self) -> bool:
        return self.max_timing_error_seconds > DOUBTFUL_ABOVE_SECONDS

    @cached_property
    def bursts(self) -> Bursts | None:
        """How the tokens came, if something on the way gathered them: then TTFT, ITL and TPOT are what the user felt, and not the engine's."""
        return bursts(self._columns, self.native, self.sent_ns)

    def phases(self) -> dict[str, float | None]:
        """Seconds spent in each phase, in order; they add up to E2E.

        Each begins where the one before it ended. The phase in which the chat ended runs to that end; later ones, and those that
        did not happen, are None.
        """
        found: dict[str, float | None] = dict.fromkeys(PHASES)
        begin_ns = self.started_ns
        for phase, end_ns in self._completed():
            # a segment may have been stamped before the worker saw that the phase before was over
            end_ns = max(begin_ns, end_ns)
            found[phase] = _seconds(end_ns - begin_ns)
            begin_ns = end_ns
        open_phase = self._open_phase()
        if open_phase is not None:
            found[open_phase] = _seconds(self.ended_ns - begin_ns)
        return found

    def completed_phases(self) -> Iterator[tuple[str, float]]:
        """(phase, seconds) of each phase that reached its own end."""
        seconds = self.phases()
        for phase, _ in self._completed():
            value = seconds[phase]
            if value is not None:
                yield phase, value

    def _completed(self) -> list[tuple[str, int]]:
        """(phase, when it ended) of each phase that was completed before the chat ended, in order."""
        done = self.milestones
        ends = zip(
            PHASES,
            (
                done.resolved_ns,
                done.connected_ns,
                done.secured_ns,
                done.request_sent_ns,
                self.first_token_ns,
                self.finished_ns if self.chunks else None,
            ),
            strict=True,
        )
        return [(phase, end_ns) for phase, end_ns in ends if end_ns is not None and end_ns <= self.ended_ns]

    def _open_phase(self) -> str | None:
        """The phase in which the chat ended; None for one that went through all of them."""
        completed = self._completed()
        last = completed[-1][0] if completed else None
        if last == "stream":
            return None
        if last is not None and last in PHASES[3:]:
            return PHASES[PHASES.index(last) + 1]
        if self.sent_ns is not None or last == "tls" or self.connection == "reused":
            return "send"
        return {None: "resolve", "resolve": "connect", "connect": "tls"}[last]

    def to_json(self, *, chunks: bool = True, text: bool = False) -> dict[str, object]:
        """The record as a JSON object; the one shape of the command line, the API and exports."""
        at = datetime.fromtimestamp(self.started_at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        out: dict[str, object] = {
            "schema": SCHEMA,
            "target": self.target,
            "backend": self.backend,
            "model": self.model,
            "scenario": self.scenario,
            "request_id": self.request_id,
            "pair_id": self.pair_id,
            "prompt_id": self.prompt_id,
            "started_at": at,
            "outcome": self.outcome,
            "reason": self.reason,
            "detail": self.failure.detail if self.failure else None,
            "failed_check": self.failed_check,
            "answer_head": self.answer_head,
            "http_status": self.http_status,
            "connection": self.connection,
            "retries": self.retries,
            "left_out": list(self.left_out),
            "load": self.load,
            "cache": self.cache,
            "phases": self.phases(),
            "headers_seconds": self.headers_seconds,
            "ttft_seconds": self.ttft_seconds,
            "waited_seconds": self.waited_seconds,
            "first_content_seconds": self.first_content_seconds,
            "tpot_seconds": self.tpot_seconds,
            "e2e_seconds": self.e2e_seconds,
            "stall_seconds": self.stall_seconds,
            "schedule_lag_seconds": self.schedule_lag_seconds,
            "output_tokens": self.output_tokens,
            "input_tokens": self.input_tokens,
            "token_source": self.token_source,
            "chunk_token_source": self.chunk_token_source,
            "output_tokens_per_second": self.output_tokens_per_second,
            "finish_reason": self.finish_reason,
            "content_encoding": self.content_encoding,
            "clock": self.clock,
            "max_timing_error_seconds": self.max_timing_error_seconds,
            "doubtful": self.doubtful,
            "bursts": asdict(self.bursts) if self.bursts else None,
            "segments_out_of_order": self.mended.out_of_order if self.mended else None,
            "segments_resent": self.mended.resent if self.mended else None,
        }
        if chunks:
            sent_ns = self.sent_ns
            rows = zip(self._columns.arrived_ns, self._columns.borne, strict=True)
            out["chunks"] = [
                [None if sent_ns is None else (arrived_ns - sent_ns) / 1e9, None if tokens == NOT_TOLD else tokens] for arrived_ns, tokens in rows
            ]
        out["text"] = self.text if text else None
        native: dict[str, object] = {f"{part}_seconds": seconds for part, seconds in self.native.parts().items()}
        native["total_seconds"] = self.native.total_seconds
        native["tpot_seconds"] = self.native_tpot_seconds
        native["tpot_factor"] = self.native_tpot_factor
        native["cached_tokens"] = self.native.cached_tokens
        if chunks and self.native.server_gaps_seconds is not None:
            native["server_gaps_seconds"] = list(self.native.server_gaps_seconds)
        out["native"] = native
        return out
