"""Gymnasium environments over the kernels of ``makespan.solvers``."""
