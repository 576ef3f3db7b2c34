"""Serves a live page to this machine alone: on 127.0.0.1, under an address that holds a random token.

Another user of the machine, and a page of the network that a browser has open, cannot guess the token; a name that was
bent to 127.0.0.1 is told by its Host header. Only GET is answered, and the page may load nothing from elsewhere.
"""

from __future__ import annotations

import hmac
import html
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from string import Template
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

from makespan.eval.live.board import Board
from makespan.instances.gantt.html import chart_assets

_PAUSE_SECONDS = 0.15  # between two messages to one page: what happens meanwhile comes in the next
_HEARTBEAT_SECONDS = 10.0  # shows that a silent connection lives
_SOCKET_SECONDS = 30.0  # a page that takes nothing for so long is gone
_QUIET_SECONDS = 0.4  # without a request in progress, after which a page has read the end
_LAST_WAIT_SECONDS = 5.0  # for pages to read the end
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"


class LiveServer:
    """Serves a board in threads of its own from the moment it is made until ``close``. ``url`` holds the token."""

    def __init__(self, board: Board) -> None:
        """Raises OSError if no port is free."""
        self.board = board
        self.token = secrets.token_urlsafe(18)
        self._idle = threading.Condition()
        self._in_progress = 0
        self._last_request: float | None = None
        self._invited: str | None = None
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.live = self
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/{self.token}/"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), name="makespan-live", daemon=True)
        self._thread.start()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Counts a request that is being answered, so that ``close`` can wait for it."""
        with self._idle:
            self._in_progress += 1
        try:
            yield
        finally:
            with self._idle:
                self._in_progress -= 1
                self._last_request = monotonic()
                self._idle.notify_all()

    def invitation(self) -> str:
        """An address that leads to the page once. It may stand where others can read it, as the arguments of a browser
        do: once used it is worth nothing."""
        self._invited = secrets.token_urlsafe(18)
        return f"http://127.0.0.1:{self.port}/{self._invited}"

    def admits(self, token: str) -> bool:
        """Whether this is the invitation, which ends with that."""
        with self._idle:
            fits = self._invited is not None and hmac.compare_digest(token.encode(), self._invited.encode())
            if fits:
                self._invited = None
            return fits

    def close(self, expected: bool = False) -> None:
        """Stop, once open pages have read the end or ``_LAST_WAIT_SECONDS`` are over.

        ``expected``: a page is being opened; wait for its first request as well.
        """
        until = monotonic() + _LAST_WAIT_SECONDS
        with self._idle:
            while (left := until - monotonic()) > 0:
                last = self._last_request
                if self._in_progress == 0 and last is None and not expected:
                    break
                quiet_for = None if last is None or self._in_progress else monotonic() - last
                if quiet_for is not None and quiet_for >= _QUIET_SECONDS:
                    break
                self._idle.wait(min(left, 0.1))
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True  # a page that hangs keeps no process alive
    block_on_close = False
    live: LiveServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that went away in the middle of an answer is nobody's error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    timeout = _SOCKET_SECONDS
    server_version, sys_version = "makespan", ""

    def do_GET(self) -> None:
        live = self.server.live
        address = urlsplit(self.path)
        token, _, name = address.path.removeprefix("/").partition("/")
        hosts = (f"127.0.0.1:{live.port}", f"localhost:{live.port}")
        if self.headers.get("Host") in hosts and name == "" and live.admits(token):
            self._head(HTTPStatus.SEE_OTHER, "text/plain", 0, f"/{live.token}/")
            return
        if self.headers.get("Host") not in hosts or not hmac.compare_digest(token.encode(), live.token.encode()):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"wrong address: use the one that makespan printed\n")
            return
        with live.request():
            if name == "":
                self._answer(HTTPStatus.OK, "text/html", page(live.board.title).encode())
            elif name == "events":
                self._stream(live.board)
            elif name == "run":
                self._run(live.board, parse_qs(address.query))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"no such page\n")

    def _refuse(self) -> None:
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET\n")

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _run(self, board: Board, query: dict[str, list[str]]) -> None:
        try:
            number, chart = (int(query.get(name, ["0"])[0]) for name in ("id", "chart"))
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", b"id and chart are numbers\n")
            return
        found = board.detail(number, chart)
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"no such run, or one too old\n")
        else:
            self._answer(HTTPStatus.OK, "application/json", _json(found))

    def _stream(self, board: Board) -> None:
        """Server-sent events: the board as it is, then whenever it changes, until it ends."""
        self._head(HTTPStatus.OK, "text/event-stream")
        version, ended = 0, None
        while ended is None:
            news = board.news(version, _HEARTBEAT_SECONDS)
            if news is None:
                self.wfile.write(b":\n\n")
                continue
            version, ended = news["version"], news["ended"]
            self.wfile.write(b"data: " + _json(news) + b"\n\n")
            sleep(0 if ended else _PAUSE_SECONDS)

    # -- answers ----------------------------------------------------------------------------------

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self._head(status, kind, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, length: int | None = None, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        if length is not None:
            self.send_header("Content-Length", str(length))
        if location:
            self.send_header("Location", location)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are nobody's news."""


def page(title: str) -> str:
    """The page: one document, which asks for ``events`` and ``run`` beside it."""
    heading = title.encode("utf-8", "replace").decode()
    gantt_css, gantt_js = chart_assets()
    css, js = gantt_css + _asset("page.css"), gantt_js + _asset("page.js")
    return Template(_asset("page.html")).substitute(title=html.escape(heading), css=css, js=js)


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _json(data: Any) -> bytes:
    return json.dumps(data, allow_nan=False, separators=(",", ":")).encode()
