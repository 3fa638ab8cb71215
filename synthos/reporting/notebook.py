"""A small card for notebooks: the verdict, the outcomes and the eight scores, styled inside itself only."""

from __future__ import annotations

from synthos.reporting.context import ReportInput
from synthos.reporting.html import environment


def summary_html(data: ReportInput) -> str:
    """The card as an HTML fragment; it takes text colour and background from the notebook, light or dark."""
    return environment().get_template("card.html.j2").render(data=data)
