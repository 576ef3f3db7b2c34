"""Compiling the kernels of the environments ahead."""

from __future__ import annotations

import pytest

from makespan.envs.warm import owners


@pytest.mark.parametrize("name", [name for name, _, _ in owners()])
def test_warming_compiles_every_kernel_of_an_environment_once(name: str) -> None:
    """Each has one signature: a second one would mean that arrays come as another type, and compile twice."""
    kernels, warm = next((kernels, warm) for known, kernels, warm in owners() if known == name)
    warm()
    assert {each.py_func.__name__: len(each.signatures) for each in kernels} == {
        each.py_func.__name__: 1 for each in kernels
    }
