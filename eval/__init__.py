"""Benchmark runner, store, statistics and report."""
