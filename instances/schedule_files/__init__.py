"""Schedules as files of other programs: tables, workbooks and MS Project, and tables and MS Project read back."""
