"""Checks of generator parameters, with one sentence per refusal."""

from __future__ import annotations


def at_least(low: int, **values: int) -> None:
    """Raise ValueError unless every value is an integer >= ``low``."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ValueError(f"{name}: found {value!r}, expected an integer of at least {low}")


def spread(name: str, low: int, high: int, least: int = 0) -> None:
    """Raise ValueError unless ``least`` <= low <= high, both integers."""
    at_least(least, **{f"min_{name}": low})
    at_least(low, **{f"max_{name}": high})


def within(low: float, high: float, **values: float) -> None:
    """Raise ValueError unless every value lies in [low, high]."""
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name}: found {value!r}, expected {low} to {high}")
