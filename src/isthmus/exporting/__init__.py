"""Exporting: parts of a run as files for other programs, checked before they are written."""

from isthmus.exporting.writing import Export, export

__all__ = ["Export", "export"]
