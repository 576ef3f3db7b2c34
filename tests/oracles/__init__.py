"""Slow, literal second opinions: a time-grid checker, exhaustive search and tiny random instances."""
