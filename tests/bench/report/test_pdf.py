"""The report as PDF, by the real Chromium."""

from __future__ import annotations

import re
import stat
import zlib
from pathlib import Path

import pytest

from bench.report.document import document
from bench.report.page import Embedded, page
from bench.report.pdf import PdfError, printed
from bench.report.seen import Seen
from tests.accessibility import chromium


def test_the_page_is_printed_on_several_sheets_with_its_structure(compared: Seen, tmp_path: Path) -> None:
    chromium()
    (tmp_path / "report.html").write_text(page(document(compared), Embedded()), "utf-8")
    (tmp_path / "report.html").chmod(0o640)
    printed(tmp_path / "report.html", tmp_path / "report.pdf")
    assert stat.S_IMODE((tmp_path / "report.pdf").stat().st_mode) == 0o640
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    inner = b"".join(_inflated(stream) for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL)) + content
    assert len(re.findall(rb"/Type\s*/Page\b", inner)) > 3
    assert b"/StructTreeRoot" in inner
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["report.html", "report.pdf"]


def test_without_a_browser_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PdfError, match=r"none on the PATH; install it \(Debian: apt-get install chromium\)"):
        printed(tmp_path / "report.html", tmp_path / "report.pdf")


def test_what_a_broken_browser_says_is_told_and_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho 'no display' >&2\nexit 1\n")
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "report.pdf").write_bytes(b"old")
    with pytest.raises(PdfError, match="said: no display; see whether"):
        printed(tmp_path / "report.html", tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes() == b"old"


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""
