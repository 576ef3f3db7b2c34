"""Imports point one way: instances, solvers, envs, policies, eval, then the command line."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("instances", "solvers", "envs", "policies", "eval", "makespan")
HEAVY = ("numpy", "numba", "ortools", "torch", "pandas", "networkx", "gymnasium", "pydantic", "matplotlib")


def modules_of(layer: str) -> list[Path]:
    """Every module of a layer; the links inside ``makespan/`` lead to the other layers and are left out."""
    links = {path for path in (ROOT / "makespan").iterdir() if path.is_symlink() or path.name in LAYERS}
    return [path for path in sorted((ROOT / layer).rglob("*.py")) if not any(link in path.parents for link in links)]


def imported_names(source: str) -> list[tuple[int, str]]:
    """Line and full name of everything a module imports, inside functions too."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def layer_of(name: str) -> str | None:
    """The layer that an imported name belongs to, None for other packages."""
    parts = name.split(".")
    if parts[0] != "makespan":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else "makespan"


def upward_imports(layer: str, source: str) -> list[tuple[int, str]]:
    """The imports of a module that point to a higher layer."""
    above = LAYERS[LAYERS.index(layer) + 1 :]
    return [(line, name) for line, name in imported_names(source) if layer_of(name) in above]


@pytest.mark.parametrize("layer", LAYERS)
def test_no_module_imports_from_a_higher_layer(layer: str) -> None:
    """A reader of the instances never needs the solvers, a solver never the networks."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules_of(layer)
        for line, name in upward_imports(layer, path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def test_an_upward_import_inside_a_function_is_found() -> None:
    """The test above would be worthless if a lazy import escaped it."""
    source = "def f():\n    from makespan.solvers.api import solve\n    import makespan.policies.ppo\n"
    assert [line for line, _ in upward_imports("instances", source)] == [2, 3]
    assert [line for line, _ in upward_imports("solvers", source)] == [3]
    assert upward_imports("eval", source) == []


def imported_by(*arguments: str) -> set[str]:
    """Which heavy packages a call of the command imports."""
    program = (
        "import sys\nfrom makespan.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('\\nIMPORTED', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.rpartition("IMPORTED")[2].split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["solve", "--help"], ["bench", "run", "--help"], ["completion", "bash"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Help and completion answer at once: they load neither NumPy nor any solver."""
    assert imported_by(*arguments) == set()


def test_rules_solve_without_torch_and_without_or_tools() -> None:
    """A planner who uses rules waits for neither PyTorch nor OR-Tools."""
    assert imported_by("solve", "@ft06", "--solver", "rule:mwkr").isdisjoint({"torch", "ortools", "matplotlib"})


def test_every_layer_is_in_the_wheel() -> None:
    """The folders at the top level become sub-packages; one missing in this table is missing for users."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    folders = set(LAYERS) - {"makespan"}
    assert wheel["sources"] == {folder: f"makespan/{folder}" for folder in folders}
    assert set(wheel["only-include"]) == set(LAYERS)
    assert {f"/makespan/{folder}" for folder in folders} <= set(build["exclude"])


@pytest.mark.parametrize("folder", [layer for layer in LAYERS if layer != "makespan"])
def test_every_layer_has_a_link_for_type_checkers(folder: str) -> None:
    """Type checkers look for ``makespan/solvers``; the links lead them to the folders at the top level."""
    link = ROOT / "makespan" / folder
    if not link.is_symlink():
        pytest.skip("a tree without links (installed, or checked out where links are not allowed)")
    assert link.resolve() == ROOT / folder
