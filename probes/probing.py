"""A probe: one chat from the ask to its record."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from probes import backends
from probes.adaptation import fields
from probes.answer import Answer
from probes.ask import Ask, Check, ConnectionPolicy, Endpoint, Reply, Timeouts, TooSlowError, Wrong
from probes.backends.base import FrameError, Refusal, WireForm
from probes.backends.refusal import redirected, spoken
from probes.backends.repeats import REMEDY, Repeats
from probes.control import GATEWAY_STATUSES
from probes.failure import Failure, Reason, first
from probes.hiding import hidden
from probes.lessons import Lessons
from probes.own_account import Native
from probes.piece import Onlooker
from probes.record import ChatRecord, Load, Outcome
from probes.request import UrlError, address_of, body_of, question_bytes, request_bytes
from probes.spare import wanted
from probes.wholeness import REMEDY as CUT_REMEDY
from probes.wholeness import cut
from probes.wire.client import OnLate, unheard
from probes.wire.delays import Lateness
from probes.wire.order import Ending, Order, Read
from probes.wire.workers import Workers, WorkerState
from probes.wording import shortened

CHECKS_AT_ONCE = 2
"""Answers that are looked at at the same time. A check that takes long holds up other checks, and nothing else that needs a thread."""
ANSWER_HEAD_CHARACTERS = 300
"""How much is kept of an answer that failed its check."""


class Prober:
    """Runs chats on measuring workers, which live as long as this context manager.

    `on_late` hears once a second, of each of them by its number, how late its loop was.
    """

    def __init__(self, workers: int = 1, on_late: OnLate = lambda _number, _seconds: None) -> None:
        self._workers = Workers(workers, on_late)
        self._lessons = Lessons()
        self._checks = ThreadPoolExecutor(CHECKS_AT_ONCE, thread_name_prefix="check")

    async def __aenter__(self) -> Self:
        await self._workers.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._workers.stop()
        self._checks.shutdown(wait=False, cancel_futures=True)

    @property
    def running(self) -> bool:
        """Whether any worker is up."""
        return self._workers.running

    @property
    def clock_steps(self) -> int:
        return self._workers.clock_steps

    @property
    def lateness(self) -> Lateness:
        return self._workers.lateness

    @property
    def workers(self) -> tuple[WorkerState, ...]:
        """How each of the workers stands."""
        return self._workers.states

    def resize(self, workers: int) -> None:
        """Have so many workers from now on. Chats that are under way stay where they are."""
        self._workers.resize(workers)

    def cancel_all(self) -> None:
        """End every running chat now; their records come back as `cancelled`."""
        self._workers.cancel_all()

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
        onlooker: Onlooker | None = None,
    ) -> ChatRecord:
        """Send one chat and time it. A chat that fails is a record too: nothing that an engine or a network does raises here.

        The answer is checked, where the ask has a check, once it is whole, in one of the threads for that. `pair_id` is what this chat shares with
        the chats that it is compared with. `onlooker` is told the answer piece by piece while it comes, which costs the
        worker some microseconds a read and changes no stamp.

        Where a refusal names a field that can be spared, it is left out from then on, and the same chat is sent again, for as long as one more is
        named; the record is that of the last request. One of a pair is not sent again: the others would not have waited for it.
        """
        form = backends.form(endpoint.backend, endpoint.api)
        while True:
            left_out = self._lessons.left_out(endpoint) - wanted(ask)
            tried = replace(endpoint, adaptation=endpoint.adaptation.without(left_out))
            answer, request_id = Answer(form, None if onlooker is None else onlooker.hear), uuid.uuid4().hex
            request = partial(request_bytes, tried, form, ask, request_id)
            ending = await self._exchange(tried, request, form, answer, timeouts, connection, pair_id, onlooker)
            ours = fields(body_of(tried, form, ask)) - fields(endpoint.adaptation.extra_body) - wanted(ask)
            learnt = self._lessons.learn(endpoint, ours, ending.status, ending.error_body)
            if not learnt or pair_id is not None:
                break
        failure, wrong = _cause(ending, form, answer, backends.get(endpoint.backend).repeats), None
        if failure is None and answer.finished_ns is not None:
            failure, wrong = await self._judged(ask, answer, answer.finished_ns)
        record = _record(endpoint, ask, scenario, request_id, ending, answer, _told(failure, endpoint))
        head = hidden(answer.text, endpoint)[:ANSWER_HEAD_CHARACTERS] if wrong else None
        return replace(
            record,
            due_ns=due_ns,
            pair_id=pair_id,
            failed_check=wrong.check if wrong else None,
            answer_head=head,
            left_out=tuple(sorted(left_out)),
        )

    async def reach(
        self,
        endpoint: Endpoint,
        ask: Ask,
        *,
        scenario: str,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        connection: ConnectionPolicy = "reuse",
        due_ns: int | None = None,
        pair_id: str | None = None,
    ) -> ChatRecord | None:
        """Ask an engine that loads on demand for what it has in memory, in place of a chat that it might load something for.

        Where nobody answers, the record is that of a chat that failed so: an outage is one, whatever was to be sent. None
        where the engine answers: then nothing can be said of the chat.
        """
        on_demand = backends.get(endpoint.backend).on_demand
        assert on_demand is not None
        form = backends.form(endpoint.backend, endpoint.api)
        answer, request_id = Answer(form), uuid.uuid4().hex
        request = partial(question_bytes, endpoint, on_demand.path, request_id)
        ending = await self._exchange(endpoint, request, form, answer, timeouts, connection, pair_id)
        if ending.status is not None and ending.status not in GATEWAY_STATUSES and ending.failure is None:
            return None
        failure = _cause(ending, form, answer, None)
        if failure is not None:
            failure = replace(failure, detail=f"{failure.detail} ({on_demand.path}, asked in place of a chat)")
        record = _record(endpoint, ask, scenario, request_id, ending, answer, _told(failure, endpoint))
        return replace(record, due_ns=due_ns, pair_id=pair_id)

    async def _judged(self, ask: Ask, answer: Answer, at_ns: int) -> tuple[Failure | None, Wrong | None]:
        """What a whole answer that came at `at_ns` fails by, and what was found wrong with it. One to a prompt that was cut is not checked."""
        if (wrong := cut(ask, answer.input_tokens, answer.native.cached_tokens)) is not None:
            return _invalid(wrong, at_ns, CUT_REMEDY), wrong
        if ask.check is None:
            return None, None
        reply = Reply(answer.text, answer.output_tokens, answer.finish_reason)
        return await asyncio.get_running_loop().run_in_executor(self._checks, _checked, ask.check, reply, at_ns)

    async def _exchange(
        self,
        endpoint: Endpoint,
        request: Callable[[], bytes],
        form: WireForm,
        answer: Answer,
        timeouts: Timeouts,
        connection: ConnectionPolicy,
        pair_id: str | None,
        onlooker: Onlooker | None = None,
    ) -> Ending:
        """One request and its answer, which is read as it comes."""
        reads = _Reads(answer)
        try:
            order = Order(
                number=0,
                address=address_of(endpoint),
                request=request(),
                form=form,
                timeouts=timeouts,
                connection=connection,
                watched=onlooker is not None,
            )
        except (UrlError, UnicodeEncodeError) as error:
            ending = _unsendable(str(error))
        else:
            ending = await self._workers.exchange(order, reads.take, onlooker.sent if onlooker is not None else unheard, pair_id)
        reads.close(ending)
        return ending


class _Reads:
    """Hands a chat's reads to its answer and remembers the last."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._last: Read | None = None

    def take(self, reads: list[Read]) -> bool:
        self._last = reads[-1]
        try:
            self._answer.feed(reads)
        except Exception as error:  # noqa: BLE001 - the edge of a probe: an adapter that breaks is our fault, and no other chat's
            self._answer.failure = _broke("the adapter", error, self._last.stamp_ns)
        return self._answer.failure is None

    def close(self, ending: Ending) -> None:
        """All reads have come."""
        try:
            self._answer.close(self._last)
        except Exception as error:  # noqa: BLE001 - as above
            self._answer.failure = _broke("the adapter", error, ending.ended_ns)
        if ending.completed_ns is not None and ending.streamed and ending.failure is None:
            self._answer.end(ending.completed_ns)


def _checked(check: Check, reply: Reply, at_ns: int) -> tuple[Failure | None, Wrong | None]:
    """What a whole answer that came at `at_ns` fails by its check, and what was found wrong with it."""
    try:
        wrong = check(reply)
    except TooSlowError as error:
        return Failure(Reason.INTERNAL, str(error), at_ns), None
    except Exception as error:  # noqa: BLE001 - the edge of a probe: a check that breaks says nothing of the answer
        return _broke("the check of the answer", error, at_ns), None
    return _invalid(wrong, at_ns) if wrong else None, wrong


def _invalid(wrong: Wrong, at_ns: int, remedy: str | None = None) -> Failure:
    return Failure(Reason.VALIDATION, f"{wrong.check}: {wrong.detail}", at_ns, remedy)


def _broke(what: str, error: Exception, at_ns: int) -> Failure:
    return Failure(Reason.INTERNAL, f"{what} broke: {type(error).__name__}", at_ns)


def _unsendable(detail: str) -> Ending:
    now_ns = time.monotonic_ns()
    return Ending(0, started_ns=now_ns, ended_ns=now_ns, failure=Failure(Reason.INTERNAL, detail, now_ns))


def _refused(ending: Ending, form: WireForm) -> Failure | None:
    """What the response head and the body of an answer that is no stream say against the chat."""
    if ending.status is None or ending.headers_ns is None or ending.streamed:
        return None
    if 200 <= ending.status < 300:
        refusal = _no_stream(ending, form)
    elif 300 <= ending.status < 400 and ending.location:
        refusal = redirected(ending.status, ending.location)
    else:
        refusal = form.refuse(ending.status, ending.error_body)
    return Failure(refusal.reason, refusal.detail, ending.headers_ns)


def _no_stream(ending: Ending, form: WireForm) -> Refusal:
    """Why an answer with a good status and no stream in it was none: the error that it is, or what it is instead."""
    try:
        error = form.read(ending.error_body).refusal
    except FrameError:
        error = None
    if error is not None:
        return error
    said = f"content type {ending.content_type}" if ending.content_type else "no content type"
    words = spoken(ending.error_body).strip()
    return Refusal(Reason.PROTOCOL, f"{said} where {form.content_type} was asked for" + (f": {words}" if words else ", and an empty body"))


def _cause(ending: Ending, form: WireForm, answer: Answer, repeats: Repeats | None) -> Failure | None:
    """The first cause in time, of all that saw one while the chat ran; what comes after the terminal marker is none."""
    if answer.finished_ns is not None:
        return answer.failure and _explained(answer.failure, ending, form, answer)
    cause = first([_refused(ending, form), answer.failure, ending.failure])
    if cause is None and not ending.cancelled:
        cause = _endless(ending, answer, repeats)
    return None if cause is None else _explained(cause, ending, form, answer)


def _endless(ending: Ending, answer: Answer, repeats: Repeats | None) -> Failure:
    """The message ended properly, and its answer did not."""
    cut = repeats.cut(answer.alike) if repeats is not None else None
    if cut is not None:
        return Failure(Reason.TRUNCATED, cut, ending.ended_ns, REMEDY)
    return Failure(Reason.TRUNCATED, "the answer ended without a finish reason and without its terminal marker", ending.ended_ns)


def _explained(cause: Failure, ending: Ending, form: WireForm, answer: Answer) -> Failure:
    """The failure with what else tells of it: which engine it seems to be instead, and what stood in the stream and was
    nothing of it.
    """
    looks = None if answer.began else backends.resemblance(answer.first_frame or ending.error_body, form)
    words = f"it says: {answer.stray}" if answer.stray else None
    return replace(cause, detail="; ".join(filter(None, (looks, cause.detail, words))))


def _told(failure: Failure | None, endpoint: Endpoint) -> Failure | None:
    """The failure in a few words without secrets, which are hidden first: what is left of one that was cut could not be told any more."""
    return replace(failure, detail=shortened(hidden(failure.detail, endpoint))) if failure else None


def _load(endpoint: Endpoint, native: Native) -> Load | None:
    on_demand = backends.get(endpoint.backend).on_demand
    bound_seconds = on_demand.loads_above_seconds if on_demand is not None else None
    if bound_seconds is None or native.load_seconds is None or native.load_seconds <= bound_seconds:
        return None
    return "allowed" if endpoint.load_model else "unwanted"


def _record(endpoint: Endpoint, ask: Ask, scenario: str, request_id: str, ending: Ending, answer: Answer, failure: Failure | None) -> ChatRecord:
    outcome: Outcome = "ok"
    ended_ns = ending.ended_ns
    if failure is not None:
        outcome, ended_ns = "failed", failure.at_ns
    elif answer.finished_ns is not None:
        ended_ns = answer.finished_ns
    else:
        outcome = "cancelled"
    counted = answer.counted
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
        chunks=counted.chunks,
        http_status=ending.status,
        connection=ending.connection,
        retries=ending.retries,
        mended=ending.mended,
        output_tokens=answer.output_tokens,
        input_tokens=answer.input_tokens,
        token_source=None if answer.output_tokens is None else "usage" if answer.counted_by_usage else "chunks",
        chunk_token_source=counted.token_source,
        load=_load(endpoint, answer.native),
        finish_reason=answer.finish_reason,
        clock="kernel" if answer.kernel_clock else "user",
        reasoned=answer.reasoned,
        text=answer.text,
        native=answer.native,
        content_encoding=ending.coding,
        certificate_expiry=ending.certificate_expiry,
    )
