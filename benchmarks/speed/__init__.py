"""Seconds and memory, next to other tools on the same networks and data."""
