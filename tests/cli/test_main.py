"""The command by its name: which commands there are, and which one was meant."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cli.main import main


@pytest.mark.parametrize(
    ("arguments", "meant"), [(["srve"], "serve"), (["dashbords"], "dashboards"), (["bench", "compre"], "compare"), (["results", "chart"], "charts")]
)
def test_the_command_that_was_meant_is_named(arguments: list[str], meant: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert f"No such command '{arguments[-1]}'. Did you mean '{meant}'?" in result.output
