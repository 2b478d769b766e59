"""The plots of the benchmark, as SVG that is read in light and in dark surroundings."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 26, 34, 42
COLOURS = ("#d6336c", "#1971c2", "#2f9e44", "#e8590c", "#7048e8", "#0c8599", "#868e96")
DASHED = "the limit"
_STYLE = """
  <style>
    text { fill: #1d2330; font: 12px system-ui, sans-serif }
    .title { font-weight: 600 } .axis { stroke: #8a8f98 } .grid { stroke: #8a8f98; opacity: .25 } .paper { fill: #fbfaf8 }
    @media (prefers-color-scheme: dark) { text { fill: #e6e8eb } .paper { fill: #1b1e24 } }
  </style>
"""

Points = Sequence[tuple[float, float]]


def plots(title: str, panels: Sequence[tuple[str, str, str, Mapping[str, Points]]]) -> str:
    """Draw panels side by side: each a heading, the words of both axes, and its lines by name. Both axes are logarithmic."""
    names = list(dict.fromkeys(name for *_, lines in panels for name in lines))
    width, height = WIDTH * len(panels), HEIGHT + 26
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">',
        _STYLE,
        f'<rect class="paper" width="{width}" height="{height}"/>',
    ]
    for place, (heading, across, up, lines) in enumerate(panels):
        drawn.append(f'<g transform="translate({place * WIDTH} 0)">')
        drawn += _panel(heading, across, up, lines, names)
        drawn.append("</g>")
    for place, name in enumerate(names):
        x = LEFT + place * (width - LEFT) / len(names)
        drawn.append(f'<path d="M{x:.0f} {HEIGHT + 8} h18" {_look(name, names)}/>')
        drawn.append(f'<text x="{x + 24:.0f}" y="{HEIGHT + 12}">{escape(name)}</text>')
    return "\n".join([*drawn, "</svg>", ""])


def _panel(
    heading: str, across: str, up: str, lines: Mapping[str, Points], names: Sequence[str]
) -> Sequence[str]:
    points = [point for line in lines.values() for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x_at = _scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))
    y_at = _scale(low, high, HEIGHT - BOTTOM, TOP)
    drawn = [
        f'<text class="title" x="{LEFT}" y="20">{escape(heading)}</text>',
        f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>',
        f'<text transform="translate(12 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">{escape(up)}</text>',
        f'<path class="axis" fill="none" d="M{LEFT} {TOP} V{HEIGHT - BOTTOM} H{WIDTH - RIGHT}"/>',
    ]
    for exponent in range(round(math.log10(low)), round(math.log10(high)) + 1):
        y = y_at(10**exponent)
        drawn.append(f'<path class="grid" d="M{LEFT} {y:.1f} H{WIDTH - RIGHT}"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10**exponent:,g}</text>')
    drawn += (
        f'<text x="{x_at(x):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x:,g}</text>'
        for x in sorted(set(xs))
    )
    for name, line in lines.items():
        way = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in sorted(line))
        drawn.append(f'<polyline points="{way}" {_look(name, names)}/>')
        if name != DASHED:
            colour = _colour(name, names)
            drawn += (
                f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in line
            )
    return drawn


def _scale(low: float, high: float, start: float, end: float) -> "Scale":
    return Scale(math.log(low), math.log(high) if high > low else math.log(low) + 1, start, end)


class Scale:
    """A logarithmic axis."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._start = low, start
        self._step = (end - start) / (high - low)

    def __call__(self, value: float) -> float:
        return self._start + (math.log(value) - self._low) * self._step


def _look(name: str, names: Sequence[str]) -> str:
    if name == DASHED:
        return 'fill="none" stroke="#8a8f98" stroke-width="1.5" stroke-dasharray="5 4"'
    return f'fill="none" stroke="{_colour(name, names)}" stroke-width="2"'


def _colour(name: str, names: Sequence[str]) -> str:
    tools = [one for one in names if one != DASHED]
    return COLOURS[tools.index(name) % len(COLOURS)]
