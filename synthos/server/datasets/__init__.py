"""Datasets: tables that clients upload, part by part, and what is known of them."""
