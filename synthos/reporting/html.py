"""The report as one HTML file that loads nothing: no fonts, scripts, styles or pictures from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from synthos.reporting import numbers, palette, phrases, words
from synthos.reporting.charts import bars
from synthos.reporting.charts.curves import curves
from synthos.reporting.charts.heatmap import heatmap
from synthos.reporting.charts.learned import learned, position
from synthos.reporting.charts.overlay import overlay
from synthos.reporting.charts.rowmap import rowmap
from synthos.reporting.context import ReportInput
from synthos.reporting.open_points import open_points
from synthos.reporting.tables import column_rows, metric_rows, strata
from synthos.results import CascadeResult, NotApplicable, Utility

#: Width and height of the learning curves on a page and on a phone, pixels.
CURVES_WIDE, CURVES_NARROW = (900.0, 420.0), (340.0, 330.0)

SECTIONS = (
    ("verdict", "Verdict"),
    ("losses", "What models would lose"),
    ("dimensions", "Eight dimensions"),
    ("curves", "Learning curves"),
    ("columns", "Worst columns"),
    ("pairs", "Pairs of columns"),
    ("rows", "Rows and regions"),
    ("recommendations", "What to do"),
    ("diversity", "Diversity"),
    ("signatures", "Known collapses"),
    ("profile", "The data"),
    ("open", "Not judged"),
    ("provenance", "Provenance"),
)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates with their filters; everything is escaped unless a template says otherwise."""
    env = Environment(
        loader=PackageLoader("synthos.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("fixed", "number", "count", "compact", "percent", "score", "duration", "size", "short"):
        env.filters[name] = getattr(numbers, name)
    for name in ("span", "score_range", "percent_range"):
        env.filters[name] = getattr(numbers, name)
    for name in (
        "signed",
        "sentence",
        "clip_text",
        "outcome_value",
        "outcome_range",
        "collapse_chance",
        "outcome_chance",
        "risk",
        "worth",
        "worth_range",
        "advice",
        "forests",
        "forests_short",
        "copies",
        "expected",
    ):
        env.filters[name] = getattr(phrases, name)
    env.filters["humane"] = words.humane
    env.filters["dimension"] = words.dimension
    env.filters["level"] = words.level
    env.globals.update(words=words, paint=palette.paint, sections=SECTIONS)
    env.globals.update(clip=bars.clip, track=bars.track, ratio_at=bars.ratio_at, tone=bars.tone)
    env.globals.update(learned_at=position)
    return env


def _asset(name: str) -> str:
    return (resources.files("synthos.reporting") / "templates" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _style() -> Markup:
    text = _asset("report.css")
    text = text.replace("/*light*/", palette.variables(0)).replace("/*dark*/", palette.variables(1))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return Markup(re.sub(r"\s+", " ", text).strip() + palette.classes())


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def render(validation: ReportInput) -> str:
    """The whole report as HTML; the same data always gives the same text.

    A page policy in the file forbids every load, so that hostile names in the data could fetch nothing even if they
    were not escaped.
    """
    script = _asset("report.js").strip()
    extra = [name for name in validation.dimensions if name not in words.DIMENSIONS]
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            data=validation,
            style=_style(),
            script=Markup(script),
            script_hash=_sha256(script),
            open_points=open_points(validation),
            column_rows=column_rows(validation.profiles),
            metric_rows=metric_rows(validation.profiles),
            dimension_order=[*(n for n in words.DIMENSIONS if n in validation.dimensions), *extra],
            curve_words=phrases.curves_in_words(validation.cascade),
            strata=strata(validation.diversity),
            **_charts(validation),
        )
    )


def _charts(data: ReportInput) -> dict[str, Any]:
    cascade, material = data.cascade, data.material
    trained = isinstance(cascade, CascadeResult)
    return {
        "trained": trained,
        "strips": learned(data.utility.columns) if isinstance(data.utility, Utility) else (),
        "wide": curves(cascade, *CURVES_WIDE) if isinstance(cascade, CascadeResult) else None,
        "narrow": curves(cascade, *CURVES_NARROW) if isinstance(cascade, CascadeResult) else None,
        "overlays": () if isinstance(material.overlays, NotApplicable) else [overlay(o) for o in material.overlays],
        "heat": None if isinstance(material.pairs, NotApplicable) else heatmap(material.pairs),
        "row_chart": rowmap(material.row_map, data.regions),
    }
