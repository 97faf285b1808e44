"""Small charts as SVG: sharp at every size, in the colours of the page (light or dark), without a plotting library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor, log10

import numpy as np
from markupsafe import Markup, escape


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers between two values.

    Parameters
    ----------
    low, high : float
        Finite, ``low`` <= ``high``; where they differ by rounding only, the one number is `low`.
    about : int
        How many are wanted.

    Returns
    -------
    list of float
    """
    span = high - low
    if _same(low, high):
        return [low]
    exponent = floor(log10(span / about))
    step = 10.0**exponent
    step *= next(k for k in (1, 2, 5, 10) if span / (step * k) <= about)
    first = np.ceil(low / step - 1e-9)
    digits = max(10, 1 - exponent)
    return [round(float(k * step), digits) + 0.0 for k in np.arange(first, high / step + 1e-9)]


def histogram(values: Sequence[float] | np.ndarray, label: str, *, width: int = 640, height: int = 220) -> Markup:
    """Distribution of values as bars, with the median marked.

    Parameters
    ----------
    values : (n,) array
        Values that are not finite are left out.
    label : str
        Text below the axis.
    width, height : int
        Size in CSS pixels.

    Returns
    -------
    Markup
        An ``<svg>`` element; empty where there are no values.
    """
    found = _finite(values)
    if not len(found):
        return Markup("")
    counts, edges = _binned(found)
    left, right, top, bottom = 52, 12, 26, 40
    x = _scale(edges[0], edges[-1], left, width - right)
    y = _scale(0, counts.max(), height - bottom, top)
    parts = []
    for value in ticks(0, float(counts.max()), 4):
        if value == round(value):
            parts.append(_line(left, y(value), width - right, y(value), "grid"))
            parts.append(_text(left - 8, y(value) + 4, _number(value), "end"))
    for count, a, b in zip(counts, edges[:-1], edges[1:]):
        if count:
            box = f'x="{x(a) + 0.5:.1f}" y="{y(count):.1f}" width="{max(1, x(b) - x(a) - 1):.1f}"'
            title = f"<title>{_number(a)} to {_number(b)}: {count:,}</title>"
            parts.append(f'<rect class="bar" {box} height="{height - bottom - y(count):.1f}">{title}</rect>')
    parts.append(_line(left, height - bottom, width - right, height - bottom, "axis"))
    for value in ticks(edges[0], edges[-1], 8):
        parts.append(_text(x(value), height - bottom + 17, _number(value), "middle"))
    middle = float(np.median(found))
    parts.append(_line(x(middle), top - 16, x(middle), height - bottom, "median"))
    side, shift = ("end", -6) if middle > (edges[0] + edges[-1]) / 2 else ("start", 6)
    parts.append(_text(x(middle) + shift, top - 7, f"median {_number(middle)}", side, "strong"))
    parts.append(_text((left + width - right) / 2, height - 5, label, "middle"))
    return _svg(width, height, parts, f"Histogram: {label}")


def sparkline(values: Sequence[float] | np.ndarray, low: float, high: float) -> Markup:
    """A distribution the size of a word, on an axis shared with others.

    Parameters
    ----------
    values : (n,) array
    low, high : float
        Ends of the shared axis.

    Returns
    -------
    Markup
        An ``<svg>`` element; empty where there are no values.
    """
    found = _finite(values)
    if not len(found) or _same(low, high):
        return Markup("")
    counts, _ = np.histogram(found.clip(low, high), 30, (low, high))
    heights = 28 * counts / counts.max()
    parts = [
        f'<rect class="bar" x="{4 * k}" y="{28 - tall:.1f}" width="3" height="{tall:.1f}"/>'
        for k, tall in enumerate(heights)
        if tall
    ]
    return _svg(120, 29, [*parts, _line(0, 28.5, 120, 28.5, "axis")], "size distribution", "spark")


def curves(
    x: Sequence[float],
    series: Sequence[tuple[str, Sequence[float], Sequence[float] | None, Sequence[float] | None]],
    *,
    x_label: str,
    y_label: str,
    width: int = 640,
    height: int = 320,
) -> Markup:
    """Scores between 0 and 1 over a threshold, with their intervals as bands.

    Parameters
    ----------
    x : (n,) sequence of float
    series : sequence of (name, values, low, high)
        Up to six lines; ``low`` and ``high`` may be None.
    x_label, y_label : str
        Texts of the axes.
    width, height : int
        Size in CSS pixels.

    Returns
    -------
    Markup
        An ``<svg>`` element.
    """
    left, right, top, bottom = 52, 16, 12, 42
    pad = 0.03 * ((max(x) - min(x)) or 1)
    to_x = _scale(min(x) - pad, max(x) + pad, left, width - right)
    to_y = _scale(0, 1, height - bottom, top)
    parts = []
    for value in (0, 0.2, 0.4, 0.6, 0.8, 1):
        parts.append(_line(left, to_y(value), width - right, to_y(value), "grid"))
        parts.append(_text(left - 8, to_y(value) + 4, f"{value:g}", "end"))
    for value in x if len(x) <= 12 else ticks(min(x), max(x)):
        parts.append(_text(to_x(value), height - bottom + 17, f"{value:g}", "middle"))
    for k, (name, values, low, high) in enumerate(series):
        colour = f"line{k % 6}"
        if low is not None and high is not None:
            edge = [*zip(x, high), *reversed(list(zip(x, low)))]
            points = " ".join(f"{to_x(a):.1f},{to_y(b):.1f}" for a, b in edge if np.isfinite(b))
            parts.append(f'<polygon class="band {colour}" points="{points}"/>')
        points = " ".join(f"{to_x(a):.1f},{to_y(b):.1f}" for a, b in zip(x, values) if np.isfinite(b))
        parts.append(f'<polyline class="line {colour}" points="{points}"><title>{escape(name)}</title></polyline>')
        for a, b in zip(x, values):
            if np.isfinite(b):
                title = f"<title>{escape(name)}: {b:.3f} at {a:g}</title>"
                parts.append(
                    f'<circle class="dot {colour}" cx="{to_x(a):.1f}" cy="{to_y(b):.1f}" r="3.5">{title}</circle>'
                )
    parts.append(_line(left, height - bottom, width - right, height - bottom, "axis"))
    parts.append(_text((left + width - right) / 2, height - 6, x_label, "middle"))
    middle = (top + height - bottom) / 2
    turn = f'transform="rotate(-90 14 {middle:.0f})"'
    parts.append(f'<text x="14" y="{middle:.0f}" text-anchor="middle" {turn}>{escape(y_label)}</text>')
    return _svg(width, height, parts, f"{y_label} over {x_label}")


def _finite(values: Sequence[float] | np.ndarray) -> np.ndarray:
    found = np.asarray(values, float)
    return found[np.isfinite(found)]


def _same(low: float, high: float) -> bool:
    """Whether two values, the smaller first, are equal but for rounding."""
    return bool(high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-300))


def _binned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bars on round numbers; the extreme 0.1 % go into the outermost bars where they would stretch the axis."""
    low, high = np.percentile(values, [0.1, 99.9]) if len(values) > 1000 else (values.min(), values.max())
    if _same(low, high):
        values = np.where((low <= values) & (values <= high), low, values)
        around = max(0.5, 1e-6 * abs(low))
        low, high = low - around, high + around
    rounded = ticks(low, high, int(np.clip(3 * len(values) ** 0.4, 8, 48)))
    step = rounded[1] - rounded[0] if len(rounded) > 1 else high - low
    edges = np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step
    counts, edges = np.histogram(values.clip(edges[0], edges[-1]), edges)
    return counts, edges


def _scale(a: float, b: float, start: float, stop: float) -> Callable[[float], float]:
    return lambda value: start + (value - a) / ((b - a) or 1) * (stop - start)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: int, height: int, parts: Sequence[str], label: str, kind: str = "chart") -> Markup:
    start = f'<svg class="{kind}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
    return Markup(start + f'aria-label="{escape(label)}">' + "".join(parts) + "</svg>")
