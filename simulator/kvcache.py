"""The KV cache: a fixed number of blocks, shared where prompts begin alike, kept after use until the room is needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass


def block_hashes(tokens: Sequence[str], block_tokens: int, salt: str = "") -> tuple[int, ...]:
    """One hash for each full block of a prompt, each depending on all before it and on `salt` (vLLM `cache_salt`)."""
    hashes: list[int] = []
    parent = hash(salt)
    for end in range(block_tokens, len(tokens) + 1, block_tokens):
        parent = hash((parent, *tokens[end - block_tokens : end]))
        hashes.append(parent)
    return tuple(hashes)


@dataclass
class Holding:
    """The blocks that one request holds: shareable ones by their hash, and a number that only it can use."""

    shared: tuple[int, ...]
    private: int


class KvCache:
    """Blocks in use, and idle ones whose content a later prompt may reuse; idle ones are given up oldest first."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self._users: dict[int, int] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()
        self._private = 0

    @property
    def used(self) -> int:
        """Blocks that some request holds; idle ones count as free, as in vLLM's `kv_cache_usage_perc`."""
        return len(self._users) + self._private

    @property
    def usage(self) -> float:
        """Share of the blocks in use, 0 to 1."""
        return self.used / self.blocks

    def leading_hits(self, hashes: Sequence[int]) -> int:
        """How many blocks at the front of a prompt are in the cache."""
        for count, block in enumerate(hashes):
            if block not in self._users and block not in self._idle:
                return count
        return len(hashes)

    def hold(self, hashes: tuple[int, ...], private: int) -> Holding | None:
        """Hold the blocks of a prompt and `private` further ones; None, and nothing held, if they do not fit."""
        if self.used + sum(block not in self._users for block in hashes) + private > self.blocks:
            return None
        for block in hashes:
            self._users[block] = self._users.get(block, 0) + 1
            self._idle.pop(block, None)
        self._private += private
        self._evict()
        return Holding(hashes, private)

    def grow(self, holding: Holding) -> bool:
        """Add one private block; False if there is none."""
        if self.used >= self.blocks:
            return False
        holding.private += 1
        self._private += 1
        self._evict()
        return True

    def release(self, holding: Holding) -> None:
        """Give all blocks back; shareable ones stay reusable. The tail of a prompt goes idle first, so that it is evicted before its head."""
        self._private -= holding.private
        for block in reversed(holding.shared):
            self._users[block] -= 1
            if not self._users[block]:
                del self._users[block]
                self._idle[block] = None

    def _evict(self) -> None:
        while self.used + len(self._idle) > self.blocks:
            self._idle.popitem(last=False)
