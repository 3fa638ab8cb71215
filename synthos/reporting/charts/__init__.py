"""Geometry of the charts: plain positions that the macros in ``templates/charts.svg.j2`` draw as they stand."""
