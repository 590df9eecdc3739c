"""Figures in a page's own colours: drawn by Matplotlib, put into the page as SVG, coloured by its CSS."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib knows no CSS. It draws in these colours, and they are then replaced by the page's variables.
INK, MUTED, LINE, ACCENT, FAINT, SURFACE = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    ACCENT: "var(--accent)",
    FAINT: "var(--accent-faint)",
    SURFACE: "var(--surface)",
}
SIZE = (4.0, 3.4)
"""Inches; at 72 points an inch it is 288 units wide, so that a phone shows the text larger than it was set."""


def new_figure(*, fit: bool = False, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """Return an empty plot of ``size`` inches; ``fit`` measures the labels first, which takes as long as drawing."""
    # The object interface: pyplot would keep the figure alive and pick a window system.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained" if fit else None)
    if not fit:
        figure.subplots_adjust(left=0.165, right=0.97, bottom=0.15, top=0.95)
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.grid(visible=True, color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9.5, length=0, pad=4)
    axes.xaxis.label.set(color=MUTED, fontsize=10)
    axes.yaxis.label.set(color=MUTED, fontsize=10)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(color=MUTED, linewidth=0.8)
    return figure, axes


def as_svg(figure: Figure, name: str, title: str, colours: Mapping[str, str] = {}) -> str:
    """Render ``figure`` as an SVG element with an accessible title, whose ids start with ``name``.

    ``colours`` maps further colours that it was drawn in to what they are in CSS.
    """
    import matplotlib as mpl

    out = io.StringIO()
    nothing: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    # Text stays text; the salt makes the same plot the same bytes.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", metadata=nothing)
    drawn = out.getvalue()
    drawn = drawn[drawn.index("<svg") :].strip()
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    for colour, variable in {**_VARIABLES, **colours}.items():
        drawn = drawn.replace(colour, variable)
    # Several plots share one page, and Matplotlib numbers each from one.
    drawn = re.sub(r'\bid="', f'id="{name}-', drawn)
    drawn = re.sub(r'href="#', f'href="#{name}-', drawn).replace("url(#", f"url(#{name}-")
    drawn = re.sub(r"font-family: [^;\"]+; ?", "", drawn)
    opening = re.match(r"<svg [^>]*>", drawn)
    assert opening is not None
    box = re.search(r'viewBox="[^"]+"', opening[0])
    assert box is not None
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {box[0]} role="img" '
        f'aria-labelledby="{name}-title"><title id="{name}-title">{title}</title>'
    )
    return head + drawn[opening.end() :]
