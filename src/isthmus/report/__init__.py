"""What a run looks like: figures, and one page that holds them all."""

from isthmus.report.page import Reportable, write_report

__all__ = ["Reportable", "write_report"]
