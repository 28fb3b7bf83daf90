"""Arithmetic that gives the same bits on every machine: what an entropy coder needs from a model."""

from isthmus.exact.mode import exactly

__all__ = ["exactly"]
