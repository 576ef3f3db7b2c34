"""Compiled functions on arrays: arrays and scalars in, arrays and scalars out, one subject per file.

A kernel compiles on its first call, once per signature, and is cached on disk in a folder whose name is a hash of all
kernel sources: Numba's own cache looks at one file only and would miss a change in a function called from it. Pass
read-only arrays for what an instance holds and writable ones for what is filled in, always in the same places: a
read-only array is another type to Numba and costs another compilation.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numba


def cache_base() -> Path:
    """The folder that holds compiled kernels: $MAKESPAN_CACHE_DIR, or the user's cache folder."""
    if chosen := os.environ.get("MAKESPAN_CACHE_DIR") or os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "makespan" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "makespan"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "makespan"


@cache
def cache_folder() -> Path:
    """The folder of this very set of kernel sources, Numba version and Python."""
    sha = hashlib.sha256(f"{numba.__version__} {platform.python_version()} {numba.config.BOUNDSCHECK}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        sha.update(path.name.encode() + path.read_bytes())
    return cache_base() / f"kernels-{sha.hexdigest()[:16]}"


@cache
def _cache_is_writable() -> bool:
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(cache_folder(), os.W_OK)


def kernel(function: Callable[..., Any]) -> Any:
    """The project's ``njit``: releases the GIL, compiles lazily, cached under a key of all kernel sources."""
    caching = _cache_is_writable()
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder())
    try:
        return numba.njit(nogil=True, cache=caching, error_model="numpy")(function)
    finally:
        numba.config.CACHE_DIR = before


def step(function: Callable[..., Any]) -> Any:
    """A part of kernels that Python never calls and that neither makes nor returns arrays.

    Without the wrapper for calls from Python and without reference counts, which cost more than a few dozen operations,
    it compiles in half the time and runs up to twice as fast. It is compiled and cached with the kernel that calls it.
    """
    return _without_counting(function, forceinline=False)


def inlined(function: Callable[..., Any]) -> Any:
    """A small ``step`` that becomes part of its callers."""
    return _without_counting(function, forceinline=True)


def cutting(function: Callable[..., Any]) -> Any:
    """A small part of kernels that returns slices of its arrays, which takes reference counts."""
    return numba.njit(
        nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True
    )(function)


def _without_counting(function: Callable[..., Any], forceinline: bool) -> Any:
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False, "forceinline": forceinline}
    return numba.njit(nogil=True, error_model="numpy", **options)(function)


def entry_of(compiled: Any) -> Callable[..., Any]:
    """The machine code of a kernel that has been compiled for one signature, else the kernel itself.

    Called directly it saves the look at the type of every argument, four microseconds for twenty arrays: for calls by
    the thousand whose arguments are always of the same types, which nobody checks any more.
    """
    entry = _ENTRIES.get(compiled)
    if entry is None:
        if len(compiled.signatures) != 1:
            return cast("Callable[..., Any]", compiled)
        entry = _ENTRIES[compiled] = compiled.overloads[compiled.signatures[0]].entry_point
    return entry


_ENTRIES: dict[Any, Callable[..., Any]] = {}


def is_cold(kernels: Iterable[Any]) -> bool:
    """Whether any of these kernels must still be compiled, being neither loaded nor cached on disk."""
    return any(not _is_ready(each) for each in kernels)


def _is_ready(compiled: Any) -> bool:
    if compiled.signatures:
        return True
    folder = compiled.stats.cache_path
    pattern = f"*.{compiled.py_func.__qualname__}-*.nbi"
    return folder is not None and any(Path(folder).glob(pattern))
