"""Names of runs, and of what is in their folders."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.names import FolderName, engine_folder, read_folder_name, read_run_name

AT = datetime(2026, 11, 29, 16, 30, 5, tzinfo=UTC)


def is_name(written: str) -> bool:
    try:
        return read_run_name(written) == written
    except ValueError:
        return False


PRINTED = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=25)
NAMES = PRINTED.map(lambda text: unicodedata.normalize("NFC", text)).filter(is_name)


@given(NAMES, st.integers(1, 20))
def test_a_folder_tells_the_name_it_was_made_of(name: str, again: int) -> None:
    folder = FolderName(name, AT, again)
    assert read_folder_name(str(folder)) == folder
    assert "/" not in str(folder)


@pytest.mark.parametrize(
    ("name", "again", "written"),
    [
        ("quick", 1, "test_quick_20261129_163005"),
        ("quick", 2, "test_quick_20261129_163005-2"),
        ("a_20250101_000000", 1, "test_a_20250101_000000_20261129_163005"),
        ("大きい", 1, "test_大きい_20261129_163005"),
    ],
)
def test_how_folders_are_named(name: str, again: int, written: str) -> None:
    assert str(FolderName(name, AT, again)) == written
    assert read_folder_name(written) == FolderName(name, AT, again)


@pytest.mark.parametrize("name", ["test_a", "a_20261129_163005", "test__20261129_163005", "test_a_20261329_163005", "test_../x_20261129_163005"])
def test_what_is_no_runs_folder(name: str) -> None:
    assert read_folder_name(name) is None


def test_one_name_however_it_is_typed() -> None:
    assert read_run_name("e\u0301te\u0301") == "\u00e9t\u00e9"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("", "is empty"),
        (" a", "has spaces around it"),
        ("a/b", "write it without /"),
        ("..", "a dot at its beginning"),
        (".hidden", "a dot at its beginning"),
        ("a\nb", "line breaks"),
        ("a\0b", "line breaks"),
        ("x" * 101, "longer than 100 bytes"),
        ("大" * 34, "longer than 100 bytes"),
        ("latest", "stands for the newest run"),
    ],
)
def test_names_that_are_refused(name: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_run_name(name)


@given(st.lists(st.text(max_size=300), min_size=2, max_size=5, unique=True))
def test_each_target_has_a_folder_of_its_own_and_in_place(targets: list[str]) -> None:
    folders = [engine_folder(target) for target in targets]
    assert len(set(folders)) == len(targets)
    for folder in folders:
        assert "/" not in folder
        assert "\0" not in folder
        assert folder not in ("", ".", "..")
        assert len(folder.encode(errors="surrogatepass")) <= 255


def test_a_targets_folder_reads_well() -> None:
    assert [engine_folder(name) for name in ("vllm", "team/vllm", "..", ".hidden")] == ["vllm", "team%2Fvllm", "%..", "%.hidden"]
