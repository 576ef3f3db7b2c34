"""Tests of makespan; a package so that tests in any folder can import the oracles by full name."""
