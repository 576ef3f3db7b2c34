"""Certificates of new best known values."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from makespan.eval import certificates
from makespan.eval.benchmark import plan
from makespan.eval.certificates import certificate, recheck
from makespan.eval.play import play
from makespan.eval.store import Run
from makespan.eval.suite import Limits, Suite
from makespan.instances.bounds import Bound
from makespan.instances.errors import InputError
from makespan.solvers.api import Budget

SHIPPED = sorted((Path(__file__).parents[2] / "docs" / "results" / "certificates").glob("*.json"))


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run on ft06 in a world that knows no schedule below 1,000."""
    known = Bound(47, 1000, "open", "a test", None)
    monkeypatch.setattr(certificates, "best_known", lambda instance: known)
    task = plan(Suite("test", ("rule:mwkr",), ("@ft06",), (Limits(Budget(iterations=1)),)))[0]
    return play(replace(task, best_known=known))


def test_a_record_becomes_a_file_that_holds(record: Run, tmp_path: Path) -> None:
    """What is written is read, checked and compared again."""
    text = certificate(record)
    assert text is not None
    path = tmp_path / "ft06.json"
    path.write_text(text)
    found = recheck(path)
    assert (found.instance, found.value, found.best_known) == ("ft06", record.objective, 1000)
    assert found.is_new and not found.problem


def test_what_is_no_record_is_not_kept(record: Run) -> None:
    """At most as good as the best known value, when it was stored or today; or no schedule at all."""
    assert certificate(replace(record, best_known=record.objective)) is None
    assert certificate(replace(record, start=None, mode=None)) is None


def test_a_certificate_that_was_tampered_with_is_found(record: Run, tmp_path: Path) -> None:
    """A start moved, an objective embellished, another instance."""
    text = certificate(record)
    assert text is not None and record.start is not None
    with pytest.raises(ValueError, match="stored 40"):
        certificate(replace(record, objective=40))
    path = tmp_path / "bad.json"
    for change, words in ((("objective", 40), "objective of 40"), (("start", [0] * 36), "")):
        facts = json.loads(text)
        (facts["schedule"] if change[0] == "start" else facts)[change[0]] = change[1]
        facts["schedule"].pop("end", None)
        path.write_text(json.dumps(facts))
        found = recheck(path)
        assert found.problem and words in found.problem and not found.is_new
    facts = json.loads(text)
    facts["instance"]["hash"] = "ab"
    path.write_text(json.dumps(facts))
    with pytest.raises(InputError, match="another hash"):
        recheck(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_certificates_that_come_along_hold(path: Path) -> None:
    """Whether they are still the best is the table's affair."""
    assert recheck(path).problem == ""
