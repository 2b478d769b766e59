"""What the stylesheet promises to whoever sees little."""

import re

import pytest

from pleo_export.service.page.app import ASSETS

CONTRAST_MIN = 3  # of what shows that something can be used, against what is beside it (WCAG 1.4.11)
COLOUR = re.compile(r"--(\w+): light-dark\(#(\w{6}), #(\w{6})\);")


def colours(theme: int) -> dict[str, str]:
    found = COLOUR.findall((ASSETS / "style.css").read_text(encoding="utf-8"))
    return {name: pair[theme] for name, *pair in found}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1])
def test_where_a_field_or_a_button_ends_is_seen_in_both_themes(theme: int) -> None:
    colour = colours(theme)
    edge = luminance(colour["edge"])
    for beside in ("ground", "raised"):
        lighter, darker = sorted((edge, luminance(colour[beside])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= CONTRAST_MIN, beside
    style = (ASSETS / "style.css").read_text(encoding="utf-8")
    for what in (
        r"^input, select, textarea \{.*border: 1px solid var\(--edge\)",
        r"^button\.quiet.*var\(--edge\)",
    ):
        assert re.search(what, style, re.MULTILINE)
