"""Total tardiness on one machine: every order, and dynamic programming over sets of jobs; shared with nothing."""

from __future__ import annotations

from itertools import permutations


def tardiness_of(duration: list[int], due: list[int], order: list[int]) -> int:
    """Sum of max(0, end - due)."""
    time = total = 0
    for job in order:
        time += duration[job]
        total += max(0, time - due[job])
    return total


def best_of_all_orders(duration: list[int], due: list[int]) -> int:
    """n! orders."""
    return min(tardiness_of(duration, due, list(order)) for order in permutations(range(len(duration))))


def best_over_sets(duration: list[int], due: list[int]) -> int:
    """f(S) = min over the last job j of S of f(S less j) + max(0, work of S - due of j). O(n 2^n)."""
    n = len(duration)
    value, work = [0] * (1 << n), [0] * (1 << n)
    for chosen in range(1, 1 << n):
        low = chosen & -chosen
        work[chosen] = work[chosen ^ low] + duration[low.bit_length() - 1]
        value[chosen] = min(
            value[chosen ^ (1 << j)] + max(0, work[chosen] - due[j]) for j in range(n) if chosen >> j & 1
        )
    return value[-1]
