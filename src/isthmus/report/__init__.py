"""What a run looks like: figures, and one page that holds them all."""

from isthmus.report.page import write_report

__all__ = ["write_report"]
