"""How Ollama words a chat: NDJSON with a stamp on each object by its own API, server-sent events in OpenAI's style.

Shapes: Ollama `api/types.go`, `server/routes.go::ChatHandler`, `openai/openai.go`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from simulator.clock import Clock
from simulator.dialect import DONE, Chat, Ending, Frame, Group, Piece, compact, sse

CHAT = "/api/chat"
GENERATE = "/api/generate"
OPENAI = "/v1/chat/completions"


def rfc3339(wall_ns: int) -> str:
    """A stamp with nanoseconds, as Go prints it in UTC."""
    seconds, nanoseconds = divmod(wall_ns, 1_000_000_000)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


class OllamaForm:
    """One `/api/chat` or `/api/generate` as NDJSON. Tokens without text (the end token) bear no object of their own."""

    def __init__(self, chat: Chat, clock: Clock) -> None:
        self._chat = chat
        self._clock = clock
        self._tokens = 0

    def role(self) -> Group:
        return (Frame(self._line(Piece("", 0), done=False), "role"),)

    def opening(self) -> Group:
        return ()

    def token(self, piece: Piece) -> Group:
        self._tokens += piece.tokens
        return (Frame(self._line(piece, done=False), "reasoning" if piece.reasoning else "token", piece.tokens),) if piece.text else ()

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        last = self.token(piece) if piece else ()
        end = (Frame(self._line(Piece("", 0), done=True, ending=ending), "done"),)
        return (last, end) if last else (end,)

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        return ((Frame(compact({"error": message}) + b"\n", "error"),),)

    def whole(self, text: str, ending: Ending) -> bytes:
        return self._line(Piece(text, 0), done=True, ending=ending).rstrip(b"\n")

    def _line(self, piece: Piece, *, done: bool, ending: Ending | None = None) -> bytes:
        line: dict[str, object] = {"model": self._chat.model, "created_at": rfc3339(self._clock.wall_ns())}
        if self._chat.path == GENERATE:
            line |= {"response": "", "thinking": piece.text} if piece.reasoning else {"response": piece.text}
        elif piece.reasoning:
            line["message"] = {"role": "assistant", "content": "", "thinking": piece.text}
        else:
            line["message"] = {"role": "assistant", "content": piece.text}
        line["done"] = done
        if ending is not None:
            line |= self._figures(ending)
        return compact(line) + b"\n"

    def _figures(self, ending: Ending) -> dict[str, object]:
        """Ollama `api/types.go::Metrics`: nanoseconds, and zeros left out."""
        counted = self._chat.include_usage
        figures = {
            "total_duration": ending.total_ns,
            "load_duration": ending.load_ns,
            "prompt_eval_count": len(self._chat.prompt) if counted else 0,
            "prompt_eval_duration": ending.prompt_ns,
            "eval_count": self._tokens + self._chat.extra_tokens if counted else 0,
            "eval_duration": ending.generation_ns,
        }
        return {"done_reason": ending.finish, **{name: value for name, value in figures.items() if value}}


class OllamaOpenAiForm:
    """One `/v1/chat/completions` of Ollama: no chunk for the role, and finish, usage and marker in one flush."""

    def __init__(self, chat: Chat, clock: Clock) -> None:
        self._chat = chat
        self._tokens = 0
        number = clock.now_ns() % 999
        created = clock.wall_ns() // 1_000_000_000
        self._start = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": created}

    def role(self) -> Group:
        return (Frame(self._event({"role": "assistant", "content": ""}), "role"),)

    def opening(self) -> Group:
        return ()

    def token(self, piece: Piece) -> Group:
        self._tokens += piece.tokens
        if not piece.text:
            return ()
        if piece.reasoning:
            delta = {"role": "assistant", "content": "", "reasoning": piece.text}
            return (Frame(self._event(delta), "reasoning", piece.tokens),)
        return (Frame(self._event({"role": "assistant", "content": piece.text}), "token", piece.tokens),)

    def closing(self, piece: Piece | None, ending: Ending) -> tuple[Group, ...]:
        last = self.token(piece) if piece else ()
        end = [Frame(self._event({}, ending.finish), "finish")]
        if self._chat.include_usage:
            usage = {**self._head(self._chat.model), "choices": [], "usage": self._usage()}
            end.append(Frame(sse(usage), "usage"))
        flush = (*end, Frame(DONE, "done"))
        return (last, flush) if last else (flush,)

    def error(self, message: str, kind: str) -> tuple[Group, ...]:
        """Ollama `middleware/openai.go::ChatWriter`: the error is read as an answer, so its text is lost and no marker follows."""
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        return ((Frame(sse({**self._head(""), "choices": [choice]}), "error"),),)

    def whole(self, text: str, ending: Ending) -> bytes:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": ending.finish}
        return compact({**self._head(self._chat.model), "object": "chat.completion", "choices": [choice], "usage": self._usage()})

    def _head(self, model: str) -> dict[str, object]:
        return {**self._start, "model": model, "system_fingerprint": "fp_ollama"}

    def _event(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        return sse({**self._head(self._chat.model), "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def _usage(self) -> dict[str, int]:
        prompt = len(self._chat.prompt)
        tokens = self._tokens + self._chat.extra_tokens
        return {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
