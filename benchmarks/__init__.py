"""Benchmarks: how fast Isthmus is, and whether each variety and use does what it is for."""
