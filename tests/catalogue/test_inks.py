"""The colours of pages, for what is drawn outside of them."""

from __future__ import annotations

import pytest

from catalogue.look import Shade, stylesheet
from catalogue.look.inks import font, ink, inks


def test_an_ink_has_the_colours_that_pages_have_in_both_themes() -> None:
    assert ink("ink") == Shade("#16191d", "#edf0f2")
    assert ink("bad") == Shade("#a3211a", "#ff9a91")


def test_every_colour_of_the_stylesheet_is_an_ink_but_those_of_engines() -> None:
    lines = stylesheet().split("}")[0].split("\n")
    named = {part.split(":")[0].strip()[2:] for line in lines if "--" in line for part in line.split(";") if ": #" in part}
    assert {name for name in named if not name.startswith("engine-")} == {name for name in inks() if not name.startswith("engine-")}


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(KeyError):
        ink("inc")


def test_the_type_is_that_of_pages() -> None:
    assert font().startswith("'Inter', system-ui")
