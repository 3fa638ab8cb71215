"""Reads a rendered page the way the tests ask about it: balanced tags, text by section, loads, SVG trees."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = {"meta", "link", "br", "img", "hr", "input"}
SHAPES = {"rect", "line", "circle", "path"}
LOADING = {"src", "srcset", "action", "formaction", "poster", "data", "background", "xlink:href", "ping"}


class PageReader(HTMLParser):
    """Collects what a page holds; ``problems`` lists tags that do not balance and ids that occur twice."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.problems: list[str] = []
        self.ids: set[str] = set()
        self.tags: dict[str, int] = {}
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.sections: dict[str, list[str]] = {}
        self.references: list[str] = []
        self.feed(html)
        self.close()
        self.problems += [f"<{tag}> is never closed" for tag in self.stack]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        values = dict(attrs)
        if len(values) != len(attrs):
            self.problems.append(f"<{tag}> repeats an attribute")
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        if tag == "section":
            self.sections[values.get("id") or ""] = []
        if tag not in VOID and tag not in SHAPES:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        depth = len(self.stack)
        self.handle_starttag(tag, attrs)
        del self.stack[depth:]

    def handle_endtag(self, tag: str) -> None:
        if tag in SHAPES:
            return
        if not self.stack or self.stack[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.stack[-1:]}")
            return
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        if self.stack and self.sections and "section" in self.stack:
            self.sections[list(self.sections)[-1]].append(data)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name == "id":
            if value in self.ids:
                self.problems.append(f"id {value} occurs twice")
            self.ids.add(value)
        if name.startswith("on"):
            self.handlers.append(f"{tag} {name}")
        if name in LOADING or (name == "href" and tag != "a"):
            self.loads.append(value)
        if name == "href" and tag == "a" and not value.startswith("#"):
            self.loads.append(value)
        if name in ("aria-labelledby", "aria-describedby"):
            self.references += value.split()
        if name == "href" and value.startswith("#"):
            self.references.append(value[1:])

    def text(self, section: str) -> str:
        """The visible and the spoken text of a section on one line."""
        return re.sub(r"\s+", " ", " ".join(self.sections[section])).strip()


def svg_trees(html: str) -> list[ElementTree.Element]:
    """Every SVG of the page, parsed as strict XML."""
    return [ElementTree.fromstring(part) for part in re.findall(r"<svg\b.*?</svg>", html, flags=re.DOTALL)]


def numbers_in(element: ElementTree.Element) -> list[float]:
    """All positions and sizes that an SVG's elements carry, per cent signs taken off; NaN stays NaN."""
    found: list[float] = []
    for node in element.iter():
        names = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height")
        found += [float(node.attrib[name].removesuffix("%")) for name in names if name in node.attrib]
        if "d" in node.attrib:
            found += [float(value) for value in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", node.attrib["d"])]
    return found
