"""One palette for HTML, SVG and print: Okabe and Ito's colour-blind-safe hues, a light and a dark value each.

SVG elements carry the light value as an attribute (for converters that know no style sheets) and a class that the
page's style sheet maps to the value of the current scheme.
"""

from __future__ import annotations

from markupsafe import Markup

#: name -> (light, dark). Text colours reach a contrast of 4.5 against ``card`` and ``page`` in both schemes.
COLOURS: dict[str, tuple[str, str]] = {
    "page": ("#f6f7f9", "#12161c"),
    "card": ("#ffffff", "#1a2028"),
    "sunk": ("#f0f2f5", "#232b35"),
    "line": ("#dbe0e6", "#343e4a"),
    "rule": ("#8994a1", "#74808e"),
    "ink": ("#17202b", "#e8ecf1"),
    "muted": ("#556170", "#a3afbc"),
    "accent": ("#0a5c9e", "#7cbcf0"),
    "real": ("#0072b2", "#56b4e9"),
    "synthetic": ("#d55e00", "#f0883e"),
    "good": ("#00755a", "#3ecba3"),
    "middling": ("#8a5a00", "#e9b44c"),
    "bad": ("#b0400a", "#ff8f5a"),
    "unknown": ("#566170", "#a9b4c0"),
    "zone-low": ("#cfe9e1", "#14463a"),
    "zone-medium": ("#fbe6bf", "#544013"),
    "zone-high": ("#f6d0bd", "#5e2c17"),
}


def paint(*, fill: str | None = None, stroke: str | None = None) -> Markup:
    """Attributes that colour an SVG element: class for the current scheme, light value as fallback."""
    classes = [f"f-{fill}"] if fill else []
    attributes = [f'fill="{COLOURS[fill][0]}"' if fill else 'fill="none"']
    if stroke:
        classes.append(f"s-{stroke}")
        attributes.append(f'stroke="{COLOURS[stroke][0]}"')
    return Markup(f'class="{" ".join(classes)}" {" ".join(attributes)}')


def variables(scheme: int) -> str:
    """The palette as CSS custom properties; scheme 0 is light, 1 is dark."""
    return "".join(f"--{name}:{pair[scheme]};" for name, pair in COLOURS.items())


def classes() -> str:
    """CSS rules that let SVG elements follow the scheme."""
    return "".join(f".f-{n}{{fill:var(--{n})}}.s-{n}{{stroke:var(--{n})}}" for n in COLOURS)
