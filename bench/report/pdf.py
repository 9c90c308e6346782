"""The report as PDF, printed by Chromium from its page: headings and tables are marked for screen readers as they are there."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path

from bench.report.chromium import chromium

PATIENCE_SECONDS = 180.0
_SAID = 300


class PdfError(Exception):
    """There is no PDF. The text has the form "what is wrong; what would be right"."""


def printed(page: Path, pdf: Path) -> None:
    """Print the page into a file. Blocks for some seconds. Raises `PdfError`, and leaves no half of a file behind."""
    browser = chromium()
    if browser is None:
        raise PdfError(
            "a PDF is printed by Chromium, and there is none on the PATH; install it (Debian: apt-get install chromium), or leave --pdf out"
        )
    # A profile of its own, so that a browser that is open keeps its windows; beside the file, as a snap's browser sees no other /tmp.
    with tempfile.TemporaryDirectory(prefix=".printing-", dir=pdf.parent, ignore_cleanup_errors=True) as folder:
        beside = Path(folder) / "report.pdf"
        _print(browser, page, beside, Path(folder) / "profile")
        beside.chmod(stat.S_IMODE(page.stat().st_mode))  # what is in the page is for no one else on paper
        beside.replace(pdf)


def _print(browser: str, page: Path, pdf: Path, profile: Path) -> None:
    command = [
        browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking",
        f"--user-data-dir={profile}", "--no-pdf-header-footer", f"--print-to-pdf={pdf}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),  # which Chromium refuses to have as root
        page.resolve().as_uri(),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PdfError(f"{browser} did not print within {PATIENCE_SECONDS:.0f} s; try again on a machine that is less busy") from None
    except OSError as error:
        raise PdfError(f"{browser} cannot be started: {error.strerror}; see whether it runs by itself") from error
    if done.returncode != 0 or not pdf.exists():
        raise PdfError(
            f"{browser} printed nothing, and said: {done.stderr.strip()[-_SAID:] or 'nothing'}; see whether {browser} --headless runs by itself"
        )
