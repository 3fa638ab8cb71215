"""Copies of reference rows: on the page, in the terminal, and among what was not judged."""

from __future__ import annotations

from dataclasses import replace

import report_factory
from page_reader import PageReader
from rich.console import Console

from synthos.dimensions.memorisation import HIDDEN, Memorisation
from synthos.reporting import phrases
from synthos.reporting.context import ReportData
from synthos.reporting.html import render
from synthos.reporting.open_points import open_points
from synthos.reporting.terminal import summary
from synthos.results import Interval, NotApplicable


def on_terminal(data: ReportData) -> str:
    console = Console(width=200, highlight=False)
    with console.capture() as capture:
        console.print(summary(data, 200))
    return capture.get()


def known(data: ReportData) -> Memorisation:
    assert isinstance(data.memorisation, Memorisation)
    return data.memorisation


def test_flagged_copies_stand_in_the_verdict_with_both_counts() -> None:
    data = report_factory.full()
    text = PageReader(render(data)).text("verdict")
    assert "Copies of reference rows flagged 20.5 % (19.9 % to 21.1 %) of its rows copy reference rows" in text
    assert "word for word 20.7 % 0.2 % 20.5 %" in text and "exact or near 22.1 % 1.1 % 21.2 %" in text
    assert "20.5 % (19.9 % to 21.1 %) of its rows copy reference rows beyond what reference rows" in on_terminal(data)


def test_none_found_says_how_many_there_may_be_and_beside_whose_rows() -> None:
    data = report_factory.full()
    none = replace(known(data).exact, share=0.0, interval=Interval(low=0.0, high=0.004))
    near = replace(none, interval=Interval(low=0.0, high=0.013))
    clear = replace(
        known(data), share=0.0, interval=none.interval, flagged=False, against="holdout", exact=none, near=near
    )
    line = "none found: at most 1.3 % of its rows, beyond what rows of the holdout show"
    assert phrases.copies(clear) == line
    assert line in on_terminal(replace(data, memorisation=clear))
    assert "not flagged None found" in PageReader(render(replace(data, memorisation=clear))).text("verdict")


def test_copies_that_could_not_be_judged_are_among_what_was_not_judged() -> None:
    data = replace(report_factory.full(), memorisation=HIDDEN)
    assert any(point.where == "Copies of reference rows" for point in open_points(data))
    assert "cannot be told from chance" in PageReader(render(data)).text("verdict")
    assert "left open: nearly every row" in on_terminal(data)
    judged = replace(known(report_factory.full()), near=NotApplicable(reason="a single column has no rows to copy"))
    assert "A single column has no rows to copy." in PageReader(render(replace(data, memorisation=judged))).text(
        "verdict"
    )
