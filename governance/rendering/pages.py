"""HTML pages that need nothing but themselves: no network, no script, no other file."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from governance.rendering import numbers

_SHARED = Path(__file__).resolve().parent / "templates"


class Pages:
    """The templates of one package, beside the layout, macros and style that all pages share."""

    def __init__(
        self, folder: Path, filters: Mapping[str, Callable[..., Any]], functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self._folder, self._filters, self._functions = folder, filters, functions

    def fill(self, template: str, **values: Any) -> str:
        """Return the template ``template`` with ``values``; whatever they hold is escaped."""
        return self._environment.get_template(template).render(**values)

    @functools.cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader([self._folder, _SHARED]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(
            number=numbers.number,
            beside=numbers.beside,
            percent=numbers.percent,
            count=numbers.count,
            utc=numbers.utc,
            duration=numbers.duration,
            short=numbers.short,
            breakable=breakable,
            labelled=labelled,
            **self._filters,
        )
        environment.globals.update(self._functions)
        return environment


def breakable(text: str) -> Markup:
    """Return ``text``, escaped, that a narrow column may break after a separator rather than anywhere."""
    return Markup(re.sub(r"(?<=[/_.:-])(?=\w)", "<wbr>", str(escape(text))))  # noqa: S704 - escaped here


def labelled(rows: Markup) -> Markup:
    """Return the head and body of a table, each cell with the words of its column: a phone stacks cells, headless."""
    head, _, body = rows.partition("</thead>")
    titles = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<th\b[^>]*>(.*?)</th>", head, re.DOTALL)]

    def label(row: re.Match[str]) -> str:
        columns = iter(titles)
        return re.sub(
            r"<(t[dh])\b(?![^>]*colspan)",
            lambda cell: f'<{cell[1]} data-label="{next(columns, "")}"',
            row[0],
        )

    return Markup(f"{head}</thead>" + re.sub(r"<tr\b.*?</tr>", label, str(body), flags=re.DOTALL))  # noqa: S704 - ours


def drawn(svg: str) -> Markup:
    """Return a figure of ours to put into a page as it is."""
    # Matplotlib escapes the text it is given; the rest is its own.
    return Markup(svg)  # noqa: S704
