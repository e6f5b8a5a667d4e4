"""A small HTTP server on this machine alone, for the payment sandbox to be called like a provider.

It has threads of its own: were the stand-in served by the API's threads, as many checkouts at
once as there are threads would wait for each other for ever.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

import msgspec


class Call(msgspec.Struct, frozen=True):
    """A request as it arrived; names in `headers` are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """A JSON answer."""

    status: int
    body: bytes


class Loopback:
    """Answers calls through `handle` at `address()`; listens from the first time that it is asked for."""

    def __init__(self, handle: Callable[[Call], Answer]) -> None:
        self._handle = handle
        self._lock = Lock()

    def address(self) -> str:
        """Where it listens, as a URL without a path."""
        with self._lock:
            return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening, if it ever began."""
        with self._lock:
            server = self.__dict__.pop("_server", None)
        if server is not None:
            server.shutdown()
            server.server_close()

    @cached_property
    def _server(self) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._handle))
        server.daemon_threads = True
        Thread(target=server.serve_forever, name="payment-sandbox", daemon=True).start()
        return server


def _handler(handle: Callable[[Call], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = handle(Call(self.command, self.path, headers, body))
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """The call is logged by whoever made it."""

    return Handler
