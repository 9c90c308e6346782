"""A probe: one chat from the ask to its record."""

from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Self

from probes import backends
from probes.answer import Answer
from probes.ask import Ask, Check, ConnectionPolicy, Endpoint, Reply, Timeouts, TooSlowError, Wrong
from probes.backends.base import WireForm
from probes.failure import Failure, Reason, first
from probes.hiding import hidden
from probes.record import ChatRecord, Outcome
from probes.request import UrlError, address_of, request_bytes
from probes.wire.client import WorkerClient
from probes.wire.order import Ending, Order, Read
from probes.wording import shortened

CHECKS_AT_ONCE = 2
"""Answers that are looked at at the same time. A check that takes long holds up other checks, and nothing else that needs a thread."""
ANSWER_HEAD_CHARACTERS = 300
"""How much is kept of an answer that failed its check."""


class Prober:
    """Runs chats on a measuring worker, which lives as long as this context manager."""

    def __init__(self) -> None:
        self._worker = WorkerClient()
        self._checks = ThreadPoolExecutor(CHECKS_AT_ONCE, thread_name_prefix="check")

    async def __aenter__(self) -> Self:
        await self._worker.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._worker.stop()
        self._checks.shutdown(wait=False, cancel_futures=True)

    @property
    def running(self) -> bool:
        """Whether the worker is up."""
        return self._worker.running

    @property
    def clock_steps(self) -> int:
        return self._worker.clock_steps

    @property
    def worker_pid(self) -> int | None:
        return self._worker.pid

    def cancel_all(self) -> None:
        """End every running chat now; their records come back as `cancelled`."""
        self._worker.cancel_all()

    async def chat(
        self,
        endpoint: Endpoint,
        ask: Ask,
        *,
        scenario: str,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        connection: ConnectionPolicy = "reuse",
        due_ns: int | None = None,
        pair_id: str | None = None,
    ) -> ChatRecord:
        """Send one chat and time it. A chat that fails is a record too: nothing that an engine or a network does raises here.

        The answer is checked, where the ask has a check, once it is whole, in one of the threads for that. `pair_id` is what this chat shares with
        the chats that it is compared with.
        """
        form = backends.form(endpoint.backend, endpoint.api)
        request_id = uuid.uuid4().hex
        answer = Answer(form)
        reads = _Reads(answer)
        try:
            order = Order(
                number=0,
                address=address_of(endpoint),
                request=request_bytes(endpoint, form, ask, request_id),
                form=form,
                timeouts=timeouts,
                connection=connection,
            )
        except (UrlError, UnicodeEncodeError) as error:
            ending = _unsendable(str(error))
        else:
            ending = await self._worker.exchange(order, reads.take)
        answer.close(reads.last)
        failure = _cause(ending, form, answer)
        wrong: Wrong | None = None
        if failure is None and ask.check is not None and answer.finished_ns is not None:
            reply = Reply(answer.text, answer.output_tokens, answer.finish_reason)
            failure, wrong = await asyncio.get_running_loop().run_in_executor(self._checks, _checked, ask.check, reply, answer.finished_ns)
        record = _record(endpoint, ask, scenario, request_id, ending, answer, _told(failure, endpoint))
        head = hidden(answer.text, endpoint)[:ANSWER_HEAD_CHARACTERS] if wrong else None
        return replace(record, due_ns=due_ns, pair_id=pair_id, failed_check=wrong.check if wrong else None, answer_head=head)


class _Reads:
    """Hands a chat's reads to its answer and remembers the last."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.last: Read | None = None

    def take(self, reads: list[Read]) -> bool:
        self.last = reads[-1]
        try:
            self._answer.feed(reads)
        except Exception as error:  # noqa: BLE001 - the edge of a probe: an adapter that breaks is our fault, and no other chat's
            self._answer.failure = _broke("the adapter", error, self.last.stamp_ns)
        return self._answer.failure is None


def _checked(check: Check, reply: Reply, at_ns: int) -> tuple[Failure | None, Wrong | None]:
    """What a whole answer that came at `at_ns` fails by, and what was found wrong with it."""
    try:
        wrong = check(reply)
    except TooSlowError as error:
        return Failure(Reason.INTERNAL, str(error), at_ns), None
    except Exception as error:  # noqa: BLE001 - the edge of a probe: a check that breaks says nothing of the answer
        return _broke("the check of the answer", error, at_ns), None
    return (Failure(Reason.VALIDATION, f"{wrong.check}: {wrong.detail}", at_ns) if wrong else None), wrong


def _broke(what: str, error: Exception, at_ns: int) -> Failure:
    return Failure(Reason.INTERNAL, f"{what} broke: {type(error).__name__}", at_ns)


def _unsendable(detail: str) -> Ending:
    now_ns = time.monotonic_ns()
    return Ending(0, started_ns=now_ns, ended_ns=now_ns, failure=Failure(Reason.INTERNAL, detail, now_ns))


def _refused(ending: Ending, form: WireForm) -> Failure | None:
    """What the response head alone says against the chat."""
    if ending.status is None or ending.headers_ns is None:
        return None
    if ending.status != 200:
        refusal = form.refuse(ending.status, ending.error_body)
        return Failure(refusal.reason, refusal.detail, ending.headers_ns)
    media_type = ending.content_type.partition(";")[0].strip().lower()
    if media_type != form.content_type:
        said = f"content type {media_type}" if media_type else "no content type"
        return Failure(Reason.PROTOCOL, f"{said} where {form.content_type} was asked for", ending.headers_ns)
    return None


def _cause(ending: Ending, form: WireForm, answer: Answer) -> Failure | None:
    """The first cause in time, of all that saw one while the chat ran; what comes after the terminal marker is none."""
    if answer.finished_ns is not None:
        return answer.failure
    cause = first([_refused(ending, form), answer.failure, ending.failure])
    if cause is None and not ending.cancelled:
        cause = Failure(Reason.TRUNCATED, "the answer ended without its terminal marker", ending.ended_ns)
    return cause


def _told(failure: Failure | None, endpoint: Endpoint) -> Failure | None:
    """The failure in a few words without secrets, which are hidden first: what is left of one that was cut could not be told any more."""
    return replace(failure, detail=shortened(hidden(failure.detail, endpoint))) if failure else None


def _record(endpoint: Endpoint, ask: Ask, scenario: str, request_id: str, ending: Ending, answer: Answer, failure: Failure | None) -> ChatRecord:
    outcome: Outcome = "ok"
    ended_ns = ending.ended_ns
    if failure is not None:
        outcome, ended_ns = "failed", failure.at_ns
    elif answer.finished_ns is not None:
        ended_ns = answer.finished_ns
    else:
        outcome = "cancelled"
    return ChatRecord(
        target=endpoint.name,
        backend=endpoint.backend,
        model=ask.model,
        scenario=scenario,
        request_id=request_id,
        prompt_id=ask.prompt_id,
        cache=ask.cache,
        started_at=time.time() - (time.monotonic_ns() - ending.started_ns) / 1e9,
        started_ns=ending.started_ns,
        ended_ns=ended_ns,
        outcome=outcome,
        failure=failure,
        milestones=ending.milestones,
        sent_ns=ending.sent_ns,
        sent_width_ns=ending.sent_width_ns,
        headers_ns=ending.headers_ns,
        first_content_ns=answer.first_content_ns,
        finished_ns=answer.finished_ns,
        chunks=tuple(answer.chunks),
        http_status=ending.status,
        connection=ending.connection,
        retries=ending.retries,
        output_tokens=answer.output_tokens,
        input_tokens=answer.input_tokens,
        token_source=None if answer.output_tokens is None else "usage" if answer.counted_by_usage else "chunks",
        chunk_token_source=None if not answer.chunks else "usage" if answer.chunks_by_usage else "chunks",
        finish_reason=answer.finish_reason,
        clock="kernel" if answer.kernel_clock else "user",
        reasoned=answer.reasoned,
        text=answer.text,
        native=answer.native,
        certificate_expiry=ending.certificate_expiry,
    )
