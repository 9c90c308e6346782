from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from probes.chunk import Chunk, Chunks

CHUNK = st.builds(Chunk, st.integers(0, 2**62), st.none() | st.integers(1, 2**62), st.integers(0, 2**62), st.booleans())


@given(st.lists(CHUNK), st.slices(12))
def test_they_are_the_chunks_that_came(chunks: list[Chunk], part: slice) -> None:
    held = Chunks(chunks)
    assert list(held) == chunks
    assert len(held) == len(chunks)
    assert [held[place] for place in range(-len(chunks), len(chunks))] == chunks * 2
    assert list(held[part]) == chunks[part]
    assert held == tuple(chunks)
    assert held == Chunks(chunks)
    assert hash(held) == hash(Chunks(chunks))
    assert (held == Chunks([*chunks, Chunk(1, 1)])) is False


@given(st.lists(CHUNK, min_size=1), st.data())
def test_other_tokens_change_nothing_else_nor_the_chunks_themselves(chunks: list[Chunk], data: st.DataObject) -> None:
    tokens = data.draw(st.lists(st.integers(1, 100), min_size=len(chunks), max_size=len(chunks)))
    held = Chunks(chunks)
    assert list(held.bearing(tokens)) == [chunk._replace(tokens=borne) for chunk, borne in zip(chunks, tokens, strict=True)]
    without = held.bearing(None)
    assert list(without) == [chunk._replace(tokens=None) for chunk in chunks]
    held.append(Chunk(1, 1))
    assert len(without) == len(chunks)
    assert list(held) == [*chunks, Chunk(1, 1)]


def test_a_number_of_tokens_that_nobody_can_count_is_as_large_as_it_can_be() -> None:
    assert Chunks([Chunk(1, 10**30)])[0].tokens == 2**63 - 1


def test_they_are_small() -> None:
    """Of a long answer there are thousands, of a thousand streams millions."""
    tracemalloc.start()
    try:
        held = Chunks(Chunk(10**15 + number * 20_000_000, 1, 1000 + number) for number in range(20_000))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(held) < 16
