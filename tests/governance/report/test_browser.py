"""In a real browser: readable on a phone and a desk, light and dark, asking nothing of any network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from environments import load_platform
from governance.evidence_pack.document import Section, Table, to_html
from governance.report.index import render_index
from governance.report.render import render
from tests.governance.report.browser import NAMES, Page, find_browser, open_browser
from tests.governance.report.examples import report_data, subject
from tests.governance.report.test_index import put

BROWSER = find_browser()
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason=f"no Chromium on PATH ({', '.join(NAMES)})"),
    pytest.mark.xdist_group("report in a browser"),
]

# WCAG 2.2, success criterion 1.4.3: the contrast of each text with the first opaque background behind it.
CONTRAST = """
(() => {
  const parse = (text) => {
    const numbers = text.match(/[\\d.]+(e-?\\d+)?/g).map(Number);
    const [r, g, b] = text.startsWith("color(") ? numbers.map((n) => n * 255) : numbers;
    const alpha = (text.startsWith("color(") ? text.includes("/") : numbers.length > 3) ? numbers.at(-1) : 1;
    return {r, g, b, alpha};
  };
  const light = ({r, g, b}) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      layers.push(colour);
      if (colour.alpha === 1) break;
    }
    return layers.reverse().reduce((under, over) => ({
      r: over.r * over.alpha + under.r * (1 - over.alpha),
      g: over.g * over.alpha + under.g * (1 - over.alpha),
      b: over.b * over.alpha + under.b * (1 - over.alpha),
    }), {r: 255, g: 255, b: 255});
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let node; (node = walker.nextNode());) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest("svg")) continue;
    seen += 1;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(node.data.trim() + " " + ratio.toFixed(2));
  }
  return {seen, faint};
})()
"""


CUT = """
[...document.querySelectorAll(".scroll, table")]
  .filter((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth)
  .map((box) => `${box.ariaLabel || box.tagName}: ${box.scrollWidth} > ${box.clientWidth}`)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    assert BROWSER is not None
    with open_browser(BROWSER) as page:
        yield page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A usual report, one with the longest words there can be, one with hardly anything, and the index."""
    folder = tmp_path_factory.mktemp("pages")
    long = "x" * 64
    texts = {
        "usual": render(report_data()),
        "long": render(
            report_data(
                subject=subject(
                    model=f"m_{long}"[:64],
                    description=long * 3,
                    meaning=long,
                    rule=long,
                    owners=(f"{long}@example.com",),
                    source=f"s3://{long * 3}.parquet",
                )
            )
        ),
        "bare": render(
            report_data(
                evaluation=None, predictions=None, previous=None, runs=(), lineage=(), gates=(), history=(), metrics=()
            )
        ),
    }
    put(folder, "1")
    put(folder, "2", hours=1)
    texts["index"] = render_index(load_platform(), folder)
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("width", [320, 390, 860, 1280])
@pytest.mark.parametrize("name", ["usual", "long", "bare", "index"])
def test_a_page_never_scrolls_sideways(browser: Page, pages: dict[str, Path], name: str, width: int) -> None:
    browser.open(pages[name], width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.evaluate("document.body.innerText.length") > 300
    if width < 640:
        assert browser.evaluate(CUT) == [], "a row is stacked, so that no column is out of sight"


def test_the_words_of_a_column_stand_by_each_of_its_cells(browser: Page, pages: dict[str, Path]) -> None:
    browser.open(pages["usual"], width=390)
    labels = "[...document.querySelectorAll('#history tbody tr:first-child td')].map(cell => cell.dataset.label)"
    assert browser.evaluate(labels) == ["Time", "Version", "Environment", "By", "Approved by", "Reason"]
    card = to_html("Card", [Section("Gates", [Table(["Gate", "Verdict"], [["<fairness>", "x" * 90]])])])
    (file := pages["usual"].with_name("card.html")).write_text(card, encoding="utf-8")
    browser.open(file, width=390)
    assert browser.evaluate(CUT) == []
    assert browser.evaluate("getComputedStyle(document.querySelector('td'), '::before').content") == '"Gate"'
    file.write_text(card.replace("@media screen", "@media print"), encoding="utf-8")
    browser.open(file, width=390)
    assert browser.evaluate(CUT) != [], "what is cut would have been seen"


@pytest.mark.parametrize("name", ["usual", "bare", "index"])
def test_a_page_asks_nothing_of_the_network_and_complains_of_nothing(
    browser: Page, pages: dict[str, Path], name: str
) -> None:
    browser.open(pages[name], width=1280)
    assert browser.requests == [pages[name].as_uri()]
    assert browser.complaints == []


def test_the_browser_would_have_told_of_a_request_and_of_a_complaint(browser: Page, tmp_path: Path) -> None:
    """The two lists above are empty because there is nothing in them, not because nobody writes to them."""
    loud = tmp_path / "loud.html"
    loud.write_text("<!doctype html><img src='http://127.0.0.1:9/x.png'><script>console.error(1); nope()</script>")
    browser.open(loud, width=1280)
    assert "http://127.0.0.1:9/x.png" in browser.requests
    assert "console.error" in browser.complaints
    assert any("Uncaught" in complaint for complaint in browser.complaints)


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_is_behind_it(browser: Page, pages: dict[str, Path], dark: bool) -> None:
    for name in ("usual", "index"):
        browser.open(pages[name], width=1280, dark=dark)
        found = browser.evaluate(CONTRAST)
        assert found["seen"] > 15
        assert found["faint"] == []


def test_dark_is_dark(browser: Page, pages: dict[str, Path]) -> None:
    colours = []
    for dark in (False, True):
        browser.open(pages["usual"], width=1280, dark=dark)
        colours.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(246, 247, 249)", "rgb(14, 17, 21)"]


def test_plots_are_drawn_in_the_pages_colours(browser: Page, pages: dict[str, Path]) -> None:
    curve = "getComputedStyle(document.querySelector('#roc-line2d_12 path, [id^=roc-line2d] path')).stroke"
    browser.open(pages["usual"], width=1280)
    light = browser.evaluate(curve)
    browser.open(pages["usual"], width=1280, dark=True)
    assert light != browser.evaluate(curve)
    assert browser.evaluate("[...document.querySelectorAll('.plots svg')].every(s => s.clientWidth > 200)")


def test_it_reads_the_same_without_javascript(browser: Page, pages: dict[str, Path]) -> None:
    browser.open(pages["usual"], width=1280)
    text = browser.evaluate("document.body.innerText")
    browser.open(pages["usual"], width=1280, scripts=False)
    assert browser.evaluate("document.body.innerText") == text


def test_it_prints_with_the_full_digests(browser: Page, pages: dict[str, Path], tmp_path: Path) -> None:
    browser.open(pages["usual"], width=1280)
    browser.call("Emulation.setEmulatedMedia", media="print")
    shown = browser.evaluate("document.querySelector('.identities table').getBoundingClientRect().height")
    browser.call("Emulation.setEmulatedMedia", media="")
    assert shown > 100
    browser.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
