"""Measurements of Synthos against known truths, and the sample tables that show what it says."""
