"""The shared look: engines are told apart by colour and by shape, and text in their colours can be read."""

from __future__ import annotations

import re

import pytest

from catalogue.engines import ENGINES
from catalogue.look import SHADES, SHAPES, UNKNOWN, shade_of, shape_of, stylesheet

COLOURED = [engine for engine in ENGINES if engine.colour is not None]
LEAST_CONTRAST = 4.5


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_every_engine_has_a_colour_and_a_shape_of_its_own() -> None:
    assert len({shade_of(engine.name) for engine in COLOURED}) == len({shape_of(engine.name) for engine in COLOURED}) == len(COLOURED)
    assert shade_of("nobody") == UNKNOWN
    assert SHADES.keys() == SHAPES.keys()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_can_be_read_on_all_grounds(theme: str) -> None:
    colours = {name: value for block in re.findall(r":root[^{]*\{([^{}]*)\}", stylesheet()) for name, value in _colours(block, theme)}
    grounds = [colours[name] for name in ("paper", "surface", "sunken")]
    words = [name for name in colours if name.startswith(("ink", "engine", "link")) or name in {"good", "warn", "bad"}]
    poor = {
        (name, ground): contrast(colours[name], ground) for name in words for ground in grounds if contrast(colours[name], ground) < LEAST_CONTRAST
    }
    assert {f"engine-{engine.name}" for engine in COLOURED} <= set(words)
    assert poor == {}
    for state in ("good", "warn", "bad"):
        assert contrast(colours[state], colours[f"{state}-ground"]) >= LEAST_CONTRAST


def _colours(block: str, theme: str) -> list[tuple[str, str]]:
    return re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block) if f"color-scheme: {theme};" in block else []


def test_both_ways_to_the_dark_theme_are_the_same() -> None:
    dark = [block for block in re.findall(r":root[^{]*\{([^{}]*)\}", stylesheet()) if "color-scheme: dark;" in block]
    assert len(dark) == 2
    assert dark[0].split() == dark[1].split()
