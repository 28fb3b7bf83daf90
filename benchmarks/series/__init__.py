"""Anomalies in recordings: Isthmus' detector next to aeon's, on aeon's own recordings and on made ones."""
