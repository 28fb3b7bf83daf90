"""The report of a run: one page with all its figures."""

from isthmus.report.page import write_report

__all__ = ["write_report"]
