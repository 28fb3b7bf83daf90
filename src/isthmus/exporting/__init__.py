"""Exporting: parts of a run as files for other programs, checked before they are written."""

from isthmus.exporting.export import Export, export

__all__ = ["Export", "export"]
