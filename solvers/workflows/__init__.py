"""Workflows on unlike machines: list schedules, exact models, and cost under a deadline."""
