"""Plain words for what is wrong with a region."""

from __future__ import annotations

from synthos.results import Issue

ISSUES: dict[Issue, str] = {
    "duplicates": "rows repeated",
    "copied": "copies of reference rows",
    "shuffled": "columns shuffled against each other",
    "mode": "collapsed onto few values",
    "tailcut": "tails cut off",
    "noise": "noise added",
    "drift": "drifting values",
    "nulls": "values missing",
    "label_flip": "labels flipped",
    "rule_break": "rules broken",
    "shift": "values shifted",
}
