"""The ground truth: what was really sent when, kept for each chat by its request id."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass, field

MAX_WRITES = 20_000
"""Writes remembered of one chat; what follows is only counted."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write to the socket. The kernel took its bytes between `before_ns` and `after_ns` on the monotonic clock, but for `unsent_bytes`,
    which waited because the client did not read.

    `kinds` names what it held, in order: `head`, `role`, `token`, `reasoning`, `finish`, `usage`, `done`, `error`, `comment`, `end`, `body`, or the
    name of a fault; `tokens` is how many answer tokens it bears, `due_ns` when the last of them fell due in the simulation.
    """

    before_ns: int
    after_ns: int
    size: int
    kinds: tuple[str, ...]
    tokens: int = 0
    due_ns: int | None = None
    unsent_bytes: int = 0


@dataclass
class ChatTruth:
    """One request as the engine saw it. `arrived_ns` is when its head had been read; `status` stays None where no head was sent."""

    request_id: str
    path: str
    arrived_ns: int
    model: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    status: int | None = None
    faults: tuple[str, ...] = ()
    loading_ns: int | None = None
    """When the engine began to load the model for this request; None where it did not have to."""
    loaded_ns: int | None = None
    """When it had loaded it; None of a load that was given up with its request."""
    context_tokens: int | None = None
    """The context of the runner that served it (Ollama)."""
    writes: list[Write] = field(default_factory=list)
    writes_forgotten: int = 0
    ended: str | None = None
    """How it ended: `done`, `disconnected`, or the name of the fault that ended it; None while it runs."""

    def note(self, write: Write) -> None:
        if len(self.writes) < MAX_WRITES:
            self.writes.append(write)
        else:
            self.writes_forgotten += 1

    @property
    def token_writes(self) -> list[Write]:
        """The writes that bear tokens, in order."""
        return [write for write in self.writes if write.tokens]

    @property
    def tokens(self) -> int:
        """Answer tokens sent."""
        return sum(write.tokens for write in self.writes)

    def to_json(self) -> dict[str, object]:
        return asdict(self)


class Truth:
    """The latest chats, oldest forgotten first. Of several with one request id (a retry) the last one counts."""

    def __init__(self, remembered_chats: int) -> None:
        self._remembered = remembered_chats
        self._chats: OrderedDict[str, ChatTruth] = OrderedDict()

    def begin(self, request_id: str, path: str, arrived_ns: int) -> ChatTruth:
        self._chats.pop(request_id, None)
        chat = self._chats[request_id] = ChatTruth(request_id, path, arrived_ns)
        if len(self._chats) > self._remembered:
            self._chats.popitem(last=False)
        return chat

    def chat(self, request_id: str) -> ChatTruth | None:
        return self._chats.get(request_id)

    def chats(self) -> list[ChatTruth]:
        """All chats remembered, oldest first."""
        return list(self._chats.values())
