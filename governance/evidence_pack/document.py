"""A short document of headings, paragraphs, lists and tables, written as Markdown or as HTML from the same content."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_MARKED = re.compile(r"([\\`*_{}\[\]<>#|])")


@dataclass(frozen=True)
class Paragraph:
    """Some text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of short texts."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Rows of text below a head."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


Block = Paragraph | Bullets | Table


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


def to_markdown(title: str, sections: Iterable[Section]) -> str:
    """Return the document in CommonMark with tables."""
    return "\n".join(_markdown(title, sections)) + "\n"


def _markdown(title: str, sections: Iterable[Section]) -> Iterator[str]:
    yield f"# {_escaped(title)}"
    for section in sections:
        yield f"\n## {_escaped(section.title)}"
        for block in section.blocks:
            yield ""
            match block:
                case Paragraph(text):
                    yield _escaped(text)
                case Bullets(items):
                    yield from (f"- {_escaped(item)}" for item in items)
                case Table(head, rows):
                    yield _row(head)
                    yield _row(["---"] * len(head), escape=False)
                    yield from (_row(row) for row in rows)


def _row(cells: Sequence[str], *, escape: bool = True) -> str:
    return "| " + " | ".join(_escaped(cell) if escape else cell for cell in cells) + " |"


def _escaped(text: str) -> str:
    return _MARKED.sub(r"\\\1", " ".join(text.split()))


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "th,td{border:1px solid #c9d1d9;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "th{background:#f3f5f7}h2{margin-top:2rem;border-bottom:1px solid #c9d1d9}"
    # On a phone no column is cut: a row is stacked, with the words of its columns.
    "@media screen and (max-width:640px){body{overflow-wrap:anywhere}thead{display:none}"
    "table,tbody,tr,td{display:block}tr{border:1px solid #c9d1d9;margin-bottom:.6rem;padding:.3rem .6rem}"
    "td{border:0;padding:.15rem 0}td::before{content:attr(data-label);display:block;color:#57606a;font-size:.8rem}}"
)


def to_html(title: str, sections: Iterable[Section]) -> str:
    """Return the document as one page that loads nothing."""
    body = "\n".join(_html(title, sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html(title: str, sections: Iterable[Section]) -> Iterator[str]:
    yield f"<h1>{html.escape(title)}</h1>"
    for section in sections:
        yield f"<h2>{html.escape(section.title)}</h2>"
        for block in section.blocks:
            match block:
                case Paragraph(text):
                    yield f"<p>{html.escape(text)}</p>"
                case Bullets(items):
                    yield f"<ul>{''.join(f'<li>{html.escape(item)}</li>' for item in items)}</ul>"
                case Table(head, rows):
                    yield f"<table><thead><tr>{_cells(head, 'th')}</tr></thead><tbody>"
                    yield from (f"<tr>{_cells(row, 'td', head)}</tr>" for row in rows)
                    yield "</tbody></table>"


def _cells(cells: Sequence[str], tag: str, labels: Sequence[str] = ()) -> str:
    marks = [f' data-label="{html.escape(label)}"' for label in labels] or [""] * len(cells)
    return "".join(f"<{tag}{mark}>{html.escape(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True))
