"""``makespan bench import``: what it says and with which code it ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from makespan.eval.store import Store

Call = Callable[..., Any]


def test_results_are_counted(call: Call) -> None:
    """On stderr, for people; stdout stays empty."""
    Path("o.csv").write_text("instance,cmax,branches\nft06,57,9\nla01,670,9\n")
    code, out, err = call("bench", "import", "s.sqlite", "o.csv", "--solver", "engine", "--ignore", "Branches")
    assert (code, out) == (0, "") and "suite imported: 0 verified, 2 as claimed, 0 stored before, 0 refused" in err
    with Store("s.sqlite") as store:
        assert [run.key.solver for run in store.runs("imported")] == ["engine", "engine"]


def test_refusals_are_listed_and_end_with_1(call: Call) -> None:
    """Each on a line; nothing is stored, or the others are."""
    Path("o.csv").write_text("solver,instance,objective\na,ft06,54\n" + "".join(f"s{k},ft06,3\n" for k in range(25)))
    Path("p.csv").write_text("solver,instance,objective\nb,ft06,57\n")
    code, _, err = call("bench", "import", "s.sqlite", "o.csv", "p.csv", "--suite", "mine")
    assert code == 1 and "o.csv:2: found objective 54" in err and "… and 6 more" in err
    assert "26 of 27 results refused, nothing stored" in err
    code, _, err = call("bench", "import", "s.sqlite", "o.csv", "p.csv", "--suite", "mine", "--skip-refused")
    assert code == 1 and "suite mine: 0 verified, 1 as claimed" in err


def test_wrong_use_exits_with_2(call: Call) -> None:
    """No files, a file that does not read, a store that is none."""
    Path("o.csv").write_text("solver,instance,objective\na,ft06,57\n")
    Path("text").write_text("no store")
    for arguments, words in (
        (("s.sqlite",), "no FILES"),
        (("s.sqlite", "none.csv"), "none.csv: found no such file"),
        (("text", "o.csv"), "expected a benchmark store"),
    ):
        code, _, err = call("bench", "import", *arguments)
        assert code == 2 and words in err and len(err.splitlines()) == 1
