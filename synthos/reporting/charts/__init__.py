"""Geometry of the charts: plain pixel positions that the SVG macros in ``templates/charts.svg.j2`` draw as they stand."""
