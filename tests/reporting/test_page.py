"""The page as a document: valid, self-contained, escaped, bounded, always the same."""

from __future__ import annotations

import base64
import hashlib
import math
import pickle
import re
from dataclasses import replace

import pytest
import report_factory
from page_reader import PageReader, numbers_in, svg_trees

from synthos.reporting.context import ReportData
from synthos.reporting.html import SECTIONS, render

NAMES = list(report_factory.SAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_tags_balance_and_ids_are_unique(read_pages: dict[str, PageReader], name: str) -> None:
    assert read_pages[name].problems == []


@pytest.mark.parametrize("name", NAMES)
def test_every_section_is_present_in_order_and_holds_text(read_pages: dict[str, PageReader], name: str) -> None:
    page = read_pages[name]
    assert list(page.sections) == [id_ for id_, _ in SECTIONS]
    for id_, title in SECTIONS:
        text = page.text(id_)
        assert text.startswith(title)
        assert len(text) > len(title) + 20, f"{id_} says nothing"


@pytest.mark.parametrize("name", NAMES)
def test_links_and_labels_point_at_something(read_pages: dict[str, PageReader], name: str) -> None:
    page = read_pages[name]
    assert [target for target in page.references if target not in page.ids] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_page_loads_nothing(pages: dict[str, str], read_pages: dict[str, PageReader], name: str) -> None:
    page = read_pages[name]
    assert page.loads == ["data:,"]  # the empty icon that keeps browsers from asking for one
    assert page.tags.get("img", 0) == page.tags.get("iframe", 0) == page.tags.get("object", 0) == 0
    style = re.search(r"<style>(.*?)</style>", pages[name], re.DOTALL)
    assert style is not None
    assert "url(" not in style[1] and "@import" not in style[1] and "//" not in style[1]


def test_the_page_policy_allows_its_own_script_only(pages: dict[str, str]) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', pages["full"])
    script = re.search(r"<script>(.*?)</script>", pages["full"], re.DOTALL)
    assert policy is not None and script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "http" not in script[1] and "fetch" not in script[1] and "innerHTML" not in script[1]


def test_hostile_names_stay_text(pages: dict[str, str], samples: dict[str, ReportData]) -> None:
    page = PageReader(pages["hostile"])
    assert page.tags["script"] == page.tags["style"] == 1
    assert page.tags["title"] == pages["hostile"].count("<title")
    assert page.handlers == []
    assert "<script>alert" not in pages["hostile"] and "<img" not in pages["hostile"]
    # The names are shown, not swallowed.
    assert "<script>alert('x')" in page.text("dimensions")
    assert "<img src=//evil.example/x onerror=alert(1)>" in page.text("open")
    assert "</code></pre><img" in page.text("recommendations")


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_well_formed_and_has_finite_positions(pages: dict[str, str], name: str) -> None:
    trees = svg_trees(pages[name])
    assert len(trees) >= 10
    for tree in trees:
        assert all(math.isfinite(value) for value in numbers_in(tree))
        assert "nan" not in "".join(node.attrib.get("d", "") for node in tree.iter()).lower()


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_says_what_it_shows(pages: dict[str, str], name: str) -> None:
    for tree in svg_trees(pages[name]):
        if tree.attrib.get("aria-hidden") == "true":
            continue
        assert tree.attrib["role"] == "img"
        title = tree.find("title")
        assert title is not None and title.text
        assert "aria-label" in tree.attrib or "aria-labelledby" in tree.attrib


def test_the_same_data_gives_the_same_bytes(samples: dict[str, ReportData], pages: dict[str, str]) -> None:
    for name, data in samples.items():
        assert render(pickle.loads(pickle.dumps(data))) == pages[name]


@pytest.mark.parametrize("name", NAMES)
def test_pages_stay_small(pages: dict[str, str], name: str) -> None:
    assert len(pages[name].encode()) < (600_000 if name == "wide" else 300_000)


def test_size_does_not_grow_with_thousands_of_columns() -> None:
    small, large = (len(render(report_factory.wide(columns))) for columns in (400, 4_000))
    assert large < small * 1.05
    assert "more columns without remarks" in render(report_factory.wide(400))


def test_a_huge_name_or_note_cannot_swell_the_page() -> None:
    data = report_factory.full()
    before = len(render(data))
    long = "x" * 200_000
    region = replace(data.regions[0], columns=(long,) * 50, detail=long)
    columns = tuple(
        replace(column, name=long + column.name, notes=(long,)) for column in data.profiles["synthetic"].columns
    )
    profiles = {"synthetic": replace(data.profiles["synthetic"], columns=columns, name=long)}
    swollen = render(replace(data, regions=(region,) * 5, profiles=profiles, notes=(long,)))
    assert len(swollen) < before + 60_000


def test_tables_have_headers_and_scroll_in_their_own_box(pages: dict[str, str]) -> None:
    tables = re.findall(r"(<div class=\"scroll\"[^>]*>)?<table\b.*?</table>", pages["full"], re.DOTALL)
    assert len(tables) >= 9
    assert all(tables), "a table stands outside a scrolling box"
    for table in re.findall(r"<table\b.*?</table>", pages["full"], re.DOTALL):
        assert '<th scope="col"' in table


def test_dark_print_and_narrow_styles_are_there(pages: dict[str, str]) -> None:
    style = re.search(r"<style>(.*?)</style>", pages["full"], re.DOTALL)
    assert style is not None
    dark, paper = style[1].index("prefers-color-scheme: dark"), style[1].index("@media print")
    assert dark < paper, "paper must have the last word over the dark scheme"
    assert "size: A4" in style[1] and "break-inside: avoid" in style[1] and "(max-width: 520px)" in style[1]


def test_snippets_keep_their_lines(pages: dict[str, str], samples: dict[str, ReportData]) -> None:
    snippet = samples["full"].recommendations[0].snippet
    assert "\n\n" in snippet
    shown = re.findall(r"<pre[^>]*><code>(.*?)</code>", pages["full"], re.DOTALL)
    assert shown[0].replace("&#39;", "'") == snippet
