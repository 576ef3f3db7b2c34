"""``--watch``: who gets the page, what it is told while a solver works, and how it ends."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from makespan.cli import watching
from makespan.eval.benchmark import Task
from makespan.eval.live import board as board_module
from makespan.eval.live.board import Board
from makespan.eval.live.server import LiveServer
from makespan.eval.live.watch import BenchmarkWatch, SolveWatch
from makespan.eval.store import RunKey
from makespan.eval.suite import Limits
from makespan.instances.bounds import Bound
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.instances.sets import load
from makespan.solvers.api import Budget, Event, solve
from tests.eval.test_store import RUN

Call = Callable[..., Any]
CROSSED = Instance.job_shop([[0, 1], [1, 0]], [[4, 2], [3, 3]], name="crossed")


@pytest.fixture
def server() -> Iterator[LiveServer]:
    live = LiveServer(Board("<title> & $more", 2))
    yield live
    live.board.end()
    live.close()


def get(url: str, **headers: str) -> tuple[int, str, Any]:
    """Status, body and headers of an answer."""
    try:
        with urlopen(Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except HTTPError as error:
        return error.code, error.read().decode(), error.headers


def messages(url: str) -> Iterator[dict[str, Any]]:
    """What the stream of a page says, until it ends."""
    with urlopen(url + "events", timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


# -- who gets the page ----------------------------------------------------------------------------


def test_the_page_is_under_a_token_on_this_machine_only(server: LiveServer) -> None:
    """Every address without the right token gets the same answer, also those beside the page."""
    address = urlsplit(server.url)
    assert address.hostname == "127.0.0.1" and len(server.token) >= 24
    status, page, headers = get(server.url)
    assert status == 200 and "<title>&lt;title&gt; &amp; $more</title>" in page
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    base = f"http://127.0.0.1:{server.port}/"
    for path in ("", "events", f"{server.token[:-1]}/", f"{server.token}x/events", f"x/{server.token}/", "%00/"):
        assert get(base + path)[0] == 403, path
    assert get(server.url + "other")[0] == 404
    assert LiveServer(Board("", 0)).token != server.token


def test_an_invitation_leads_to_the_page_once(server: LiveServer) -> None:
    """The browser is told this address, which others can see in the list of processes; the token they never see."""
    address = server.invitation()
    assert server.token not in address
    status, page, _ = get(address)
    assert status == 200 and page == get(server.url)[1]
    assert get(address)[0] == 403
    assert server.invitation() != address and get(address)[0] == 403


def test_another_name_for_this_machine_gets_nothing(server: LiveServer) -> None:
    """A page of the network whose name was bent to 127.0.0.1 sends that name."""
    assert get(server.url, Host="evil.example")[0] == 403
    assert get(server.url, Host=f"evil.example:{server.port}")[0] == 403
    assert get(server.url, Host=f"localhost:{server.port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_only_get_is_answered(server: LiveServer, method: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, urlsplit(server.url).path)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    connection.close()


def test_the_page_names_no_other_address(server: LiveServer) -> None:
    """It works without a network, and sends nothing anywhere."""
    page = get(server.url)[1].replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in page and "https://" not in page and "@import" not in page


def test_nonsense_in_a_query_is_refused(server: LiveServer) -> None:
    assert get(server.url + "run?id=x")[0] == 400
    assert get(server.url + "run?id=7")[0] == 404


# -- what the page is told ------------------------------------------------------------------------


def test_a_page_sees_what_a_solver_finds_while_it_works() -> None:
    """Reader and solver run side by side: incumbents, bounds and a chart arrive before the last word."""
    instance = load("la01")
    watch = SolveWatch("solve la01", "tabu", 0, 1)
    seen: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    begun, drawn = threading.Event(), threading.Event()

    def read() -> None:
        for message in messages(watch.url):
            seen.append(message)
            if message["rows"] and message["rows"][0]["chart"]:
                details.append(json.loads(get(watch.url + "run?id=0")[1]))
                (drawn if message["rows"][0]["finished"] else begun).set()

    def follow(event: Event) -> None:
        watch.event(event)
        if event.kind == "solution":  # the reader sees one before the solver, which is quick, is done
            assert begun.wait(20)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with watch:
        watch.begin(instance, Bound(666, 666, "optimal", "", None))
        result = solve(instance, "rule:spt+tabu,iterations=3000", Budget(seconds=20), on_event=follow)
        watch.finish(result, None)
        assert drawn.wait(20)
    reader.join(20)
    assert not reader.is_alive() and seen[-1]["ended"] == "finished"
    rows = [row for message in seen for row in message["rows"]]
    assert {row["finished"] for row in rows} == {False, True} and rows[-1]["objective"] == result.objective
    assert details[-1]["trace"] == [[t, o, b] for t, o, b in result.trace]
    assert details[-1]["data"]["objective"]["value"] == result.objective and result.schedule is not None
    assert details[-1]["data"]["start"] == result.schedule.start.tolist()


def event(kind: str, seconds: float, schedule: Schedule | None = None, **data: Any) -> Event:
    return Event(kind, seconds, data, schedule)


def test_a_slow_page_misses_steps_and_never_the_end() -> None:
    """One look after many changes gives the state of now, once for each run; a second look nothing."""
    board = Board("x", 2)
    for key in ("a", "b"):
        board.begin(key, CROSSED, instance=key)
        for value in (9, 8, 7):
            board.update(key, 1.0, objective=value, schedule=Schedule([0, value, 0, 4]), traced=True)
    news = board.news(0, 0.0)
    assert news is not None and [(row["id"], row["objective"], row["chart"]) for row in news["rows"]] == [
        (0, 7, 3), (1, 7, 3),
    ]  # fmt: skip
    assert board.news(news["version"], 0.01) is None
    board.update("a", 2.0, lower_bound=7, traced=True)
    later = board.news(news["version"], 0.0)
    assert later is not None and [row["id"] for row in later["rows"]] == [0]
    found = board.detail(0)
    assert found is not None and found["trace"] == [(1.0, 9, None), (1.0, 8, None), (1.0, 7, None), (2.0, 7, 7)]
    assert found["data"]["lowerBound"] == 7 and later["rows"][0]["chart"] == 4  # the bound is in the chart as well
    assert "data" in (board.detail(0, chart=3) or {}) and "data" not in (board.detail(0, chart=4) or {})


def test_only_the_newest_runs_are_kept_and_all_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded however long a benchmark is; a run that goes on is not dropped."""
    monkeypatch.setattr(board_module, "KEPT_RUNS", 3)
    board = Board("x", 10)
    board.begin("long", CROSSED, solver="s")
    for k in range(6):
        board.begin(k, CROSSED, solver="s", set="t")
        board.finish(k, trace=[], schedule=None, status="optimal", objective=8, gap=0.25, seconds=2.0)
    news = board.news(0, 0.0)
    assert news is not None and [row["id"] for row in news["rows"]] == [0, 5, 6]
    assert (news["finished"], news["total"], news["oldest"]) == (6, 10, 0) and news["left"] is not None
    (score,) = news["scores"]
    assert (score["runs"], score["solved"], score["optimal"], score["mean_gap"]) == (6, 6, 6, 0.25)
    assert board.detail(1) is None
    board.update(0, 3.0, objective=7)  # dropped: nothing happens
    assert board.news(news["version"], 0.0) is None


def test_too_many_tasks_get_no_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "MOST_TASKS", 3)
    board = Board("x", 1)
    board.begin("a", CROSSED)
    board.update("a", 1.0, schedule=Schedule([0, 4, 0, 4]))
    found = board.detail(0)
    assert found is not None and "data" not in found and found["refused"].startswith("4 tasks are too many")


def test_an_instance_that_fails_before_or_while_it_is_solved_is_one_row() -> None:
    with SolveWatch("x", "s", 0, 2) as watch:
        watch.failed("none.txt", "no such file")
        watch.begin(CROSSED)
        watch.event(event("stage", 0.0, solver="cpsat"))
        watch.failed("crossed", "out of memory")
        news = watch.board.news(0, 0.0)
    assert [(row["instance"], row["status"], row["message"]) for row in news["rows"]] == [
        ("none.txt", "error", "no such file"),
        ("crossed", "error", "out of memory"),
    ]


def test_a_benchmark_shows_stored_finished_and_running_runs() -> None:
    """The forecast counts those of this call only; a foreign instance of a stored run has no chart."""
    keys = [RunKey("s", "rule:spt", CROSSED.digest, seed, "seconds=1", 1) for seed in range(3)]
    tasks = [Task(key, CROSSED, "mine", Limits(Budget(seconds=1)), None) for key in keys[1:]]
    runs = [replace(RUN, key=key, instance="crossed", start=(0, 4, 0, 4), mode=(0, 0, 0, 0)) for key in keys]
    with BenchmarkWatch("x", tasks, [replace(runs[0], key=replace(keys[0], instance_hash="ab"))]) as watch:
        assert watch.board.news(0, 0.0)["left"] is None
        watch.event(tasks[0], event("bound", 0.1, lower_bound=7))
        watch.event(tasks[1], event("solution", 0.2, Schedule([0, 4, 0, 4]), objective=7, objectives=[7]))
        assert list(watch.follow(runs[1:2])) == runs[1:2]
        news = watch.board.news(0, 0.0)
        assert (news["finished"], news["total"]) == (2, 3) and news["left"] is not None
        assert [(row["seed"], row["finished"], row["status"]) for row in news["rows"]] == [
            (0, True, "feasible"), (2, False, "running"), (1, True, "feasible"),
        ]  # fmt: skip
        assert "data" not in (watch.board.detail(0) or {}) and "data" in (watch.board.detail(1) or {})


# -- how it ends ----------------------------------------------------------------------------------


def test_closing_waits_for_no_page_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that has asked would be given a minute."""
    monkeypatch.setattr("makespan.eval.live.server._LAST_WAIT_SECONDS", 60.0)
    begin = time.perf_counter()
    SolveWatch("x", "s", 0, 1).close()
    assert time.perf_counter() - begin < 30.0


def test_ctrl_c_is_told() -> None:
    watch = SolveWatch("x", "s", 0, 1)
    told: list[Any] = []
    reader = threading.Thread(target=lambda: told.extend(messages(watch.url)), daemon=True)
    reader.start()
    while not told:
        time.sleep(0.01)
    with pytest.raises(KeyboardInterrupt), watch:
        raise KeyboardInterrupt
    reader.join(20)
    assert told[-1]["ended"] == "interrupted"
    with pytest.raises(OSError):
        urlopen(watch.url, timeout=5)


# -- the commands ---------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was told to open; it fetches the page at once."""
    found: list[str] = []

    def fetch(url: str) -> None:
        found.append(url)
        get(url)

    monkeypatch.setattr("webbrowser.open", fetch)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    return found


def test_solve_prints_the_address_and_opens_it_on_a_terminal_only(
    call: Call, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with --quiet: the address is what was asked for. Where there is no screen nothing is opened."""
    arguments = ("solve", "@ft06", "--solver", "rule:mwkr", "--watch", "-q")
    code, out, err = call(*arguments)
    assert code == 0 and "ft06" in out and err.startswith("watch at http://127.0.0.1:") and opened == []
    monkeypatch.setattr(watching, "on_terminal", lambda: True)
    assert call(*arguments).code == 0 and len(opened) == 1 and opened[0].startswith("http://127.0.0.1:")
    monkeypatch.setenv("SSH_CONNECTION", "there")
    assert call(*arguments).code == 0 and len(opened) == 1


def test_both_commands_feed_their_page(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Of two instances, one of which fails; and of a suite of two runs."""
    told: list[dict[str, Any]] = []
    readers: list[threading.Thread] = []

    def spied(watch: Any) -> Any:
        told.clear()
        readers.append(threading.Thread(target=lambda: told.extend(messages(watch.url)), daemon=True))
        readers[-1].start()
        return watch

    monkeypatch.setattr(watching, "shown", spied)
    assert call("solve", "@ft06", "@j301_1", "--solver", "rule:mwkr", "--watch").code == 2
    readers[-1].join(20)
    statuses = {row["instance"]: row["status"] for message in told for row in message["rows"]}
    assert statuses == {"ft06": "feasible", "j301_1": "error"} and told[-1]["ended"] == "finished"
    (tmp_path / "s.toml").write_text(
        'solvers = ["rule:spt", "rule:mwkr"]\ninstances = ["@ft06"]\n[budget]\niterations = 1\n'
    )
    assert call("bench", "run", "s.toml", "--watch").code == 0
    readers[-1].join(20)
    assert told[-1]["finished"] == 2 and [score["runs"] for score in told[-1]["scores"]] == [1, 1]
