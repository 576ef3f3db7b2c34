"""The report of a benchmark: one offline page, and its tables as CSV, LaTeX and Markdown."""

from makespan.eval.report.page import Written, write_report

__all__ = ["Written", "write_report"]
