"""A gunicorn worker whose threads take turns at one poller: whoever hears a request also answers it.

gunicorn's own threaded worker hears requests in one thread and answers them in others, which wake each
other for each request and read HTTP in Python. Here a thread that finds a connection readable reads what
has come without waiting, answers what is whole, and gives the connection back to the poller: a client
that is slow to ask holds no thread. Requests that are not plain take gunicorn's own way from their head on.
"""

import errno
import os
import select
import socket
import threading
from contextlib import suppress
from enum import Enum, auto
from http import HTTPStatus
from time import monotonic
from typing import Any

from gunicorn import http
from gunicorn.errors import ConfigError
from gunicorn.http.errors import InvalidHeader, NoMoreData
from gunicorn.util import write_nonblock
from gunicorn.workers.base import Worker as BaseWorker
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from api.worker.answers import STALL_S, Answer, Asked
from api.worker.connections import Connection
from api.worker.plain_requests import PlainRequest
from api.worker.refusals import refusal_of
from api.worker.slow_bodies import PatientUnreader
from api.worker.slow_lane import SlowLane
from api.worker.surroundings import Surroundings

#: So long a connection that we end is kept for its client to read what was said last.
LINGER_S = 2.0
LOOK_EVERY_S, LOOK_AT_THE_END_EVERY_S = 1.0, 0.05

ONCE = select.EPOLLIN | select.EPOLLONESHOT
SOON = ONCE | select.EPOLLOUT
GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)


class Then(Enum):
    """What becomes of a connection after what came on it was looked at."""

    WAITS = auto()
    ENDS = auto()
    IS_IN_LINE = auto()


class Worker(ThreadWorker):
    """The main thread heeds the master's signals and the clock; the others serve."""

    #: So long a request may take to arrive: its head, and its body where that is short.
    arrival_s = 15.0
    #: Whether we are to go on; gunicorn's.
    alive: bool

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse what is not served here; raises ConfigError."""
        if cfg.is_ssl:
            raise ConfigError("TLS is for the proxy in front of the API")

    def init_process(self) -> None:
        """Prepare the poller, and run; ends with the worker."""
        self._poller = select.epoll()
        self._over = os.eventfd(0)
        self._door, self._is_taking = threading.Lock(), True
        self._poller.register(self._over, select.EPOLLIN)
        self._listeners = {listener.fileno(): listener for listener in self.sockets}
        #: Requests that are read while they are answered, which may be slow, leave one thread to the others.
        self._slow_lane: SlowLane[Connection] = SlowLane(max(1, self.cfg.threads - 1))
        #: Every open connection; and those that no thread has, by file descriptor: whoever pops one has it.
        self._open: set[Connection] = set()
        self._waiting: dict[int, Connection] = {}
        self._surroundings = Surroundings(self.cfg, plain=not self.log.access_log_enabled)
        BaseWorker.init_process(self)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Finish what is under way, and end."""
        BaseWorker.handle_exit(self, sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at once."""
        BaseWorker.handle_quit(self, sig, frame)

    def run(self) -> None:
        """Serve until told to stop."""
        for listener in self.sockets:
            listener.setblocking(False)
            self._poller.register(listener.fileno(), ONCE)
        threads = [threading.Thread(target=self._take_turns, daemon=True) for _ in range(self.cfg.threads)]
        for thread in threads:
            thread.start()
        while self.alive and self.is_parent_alive():
            self._look(LOOK_EVERY_S)
            self._listen_again()
        self._finish()
        os.eventfd_write(self._over, 1)

    def _look(self, every_s: float) -> None:
        """Tell the master that we live, wait for a signal or so long, and close what has waited too long."""
        self.notify()
        if select.select([self.PIPE[0]], [], [], every_s)[0]:
            os.read(self.PIPE[0], 4096)
        now = monotonic()
        overdue = [fd for fd, connection in list(self._waiting.items()) if connection.deadline < now]
        for connection in filter(None, [self._waiting.pop(fd, None) for fd in overdue]):
            if connection.deadline >= now or connection.has_news():
                self._await(connection)  # another, which came to the same number; or it was we who were late
            else:
                connection.give_up()
                self._close(connection)

    def _finish(self) -> None:
        """Take no new connections; answer on the others for a moment, and end when every answer is out."""
        with self._door:  # whoever was let in is among those who are waited for
            self._is_taking = False
            for listener in self.sockets:
                self._poller.unregister(listener.fileno())
        began_at = monotonic()
        while self._open and monotonic() < began_at + self.cfg.graceful_timeout:
            for connection in list(self._waiting.values()):
                connection.deadline = min(connection.deadline, began_at + STOP_KEEPALIVE_LINGER)
            self._look(LOOK_AT_THE_END_EVERY_S)

    def _take_turns(self) -> None:
        while True:
            for fd, _ in self._poller.poll(None, 1):
                if fd == self._over:
                    return
                try:
                    self._turn(fd)
                except Exception:  # the outermost loop of this thread
                    self.log.exception("a connection was given up")

    def _turn(self, fd: int) -> None:
        if listener := self._listeners.get(fd):
            self._accept(listener)
        elif connection := self._waiting.pop(fd, None):
            self._attend(connection)

    def _accept(self, listener: socket.socket) -> None:
        """Take every connection that waits, as long as there is room; else the listener rests."""
        with self._door:
            self._take_in(listener)

    def _take_in(self, listener: socket.socket) -> None:
        while self._is_taking and len(self._open) < self.worker_connections:
            try:
                sock, client = listener.accept()
            except BlockingIOError:
                self._hear(listener.fileno())
                return
            except OSError as error:
                self.log.warning("no connection could be taken: %s", error)
                return
            sock.setblocking(False)
            connection = Connection(sock, client, listener.getsockname(), self._surroundings)
            connection.deadline = monotonic() + self.cfg.keepalive
            self._open.add(connection)
            self._waiting[sock.fileno()] = connection
            self._poller.register(sock.fileno(), ONCE)

    def _listen_again(self) -> None:
        """Let listeners hear that rested, or that failed."""
        if self.alive and len(self._open) < self.worker_connections:
            for fd in self._listeners:
                self._hear(fd)

    def _attend(self, connection: Connection) -> None:
        """Answer what has come, and wait for more, or part."""
        then = Then.ENDS
        try:
            then = self._converse(connection)
        except OSError as error:
            if error.errno not in GONE and not isinstance(error, NoMoreData | TimeoutError):
                self.log.exception("a socket failed")
        except Exception as error:  # noqa: BLE001 - it is told apart whose fault it is, and logged
            self.handle_error(None, connection.sock, connection.client, error)
        finally:
            self._go_on(connection, then)

    def handle_error(self, _req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Refuse what cannot be read, and say so in a line without its words: they may hold secrets."""
        status, answer = refusal_of(exc)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            self.log.exception("a request could not be handled")
        else:
            self.log.warning("a request was refused: %s from %s", type(exc).__name__, addr[0] if addr else "")
        with suppress(OSError):  # whoever asked may have gone
            write_nonblock(client, answer)

    def _go_on(self, connection: Connection, then: Then) -> None:
        if then is Then.WAITS:
            connection.wait_from(monotonic(), idle_s=self.cfg.keepalive, arrival_s=self.arrival_s)
            self._await(connection)
        elif then is Then.ENDS:
            self._part(connection)
            self._invite()  # this may have been somebody out of the line, who did not enter

    def _converse(self, connection: Connection) -> Then:
        """Answer each request that is whole."""
        if not connection.receive():
            return Then.ENDS
        while connection.is_whole():
            request = connection.take_plain()
            then = self._answer(connection, request) if request else self._answer_slowly(connection)
            if then is not Then.WAITS:
                return then
        return Then.WAITS

    def _answer(self, connection: Connection, request: PlainRequest) -> Then:
        """Run the application for a plain request."""
        self._count()
        closes = request.closes or not self.alive or not self.cfg.keepalive
        answer = Answer(connection.sock, Asked(request.environ["REQUEST_METHOD"], closes=closes), self.cfg)
        pieces: Any = ()
        try:
            pieces = self.wsgi(request.environ, answer.start_response)
            return Then.WAITS if answer.send(pieces) else Then.ENDS
        except Exception:
            if not answer.is_begun:
                raise
            self.log.exception("an answer broke off")
            return Then.ENDS
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _answer_slowly(self, connection: Connection) -> Then:
        """Answer any other request, where there is a thread for it; others have their turn when one is free."""
        if not self._slow_lane.enter(connection):
            return Then.IS_IN_LINE
        try:
            return Then.WAITS if self._answer_as_gunicorn(connection) else Then.ENDS
        finally:
            self._slow_lane.leave()
            self._invite()

    def _invite(self) -> None:
        """Have the next in line looked at soon, where there is room in the slow lane."""
        if (following := self._slow_lane.following()) is not None:
            self._await(following, SOON)

    def _count(self) -> None:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.alive = False
            os.write(self.PIPE[1], b"1")

    def _answer_as_gunicorn(self, connection: Connection) -> bool:
        """Let gunicorn's parser and writer have the request, on a socket that blocks, but not without end."""
        shown = TConn(self.cfg, connection.sock, connection.client, connection.server)
        connection.sock.settimeout(STALL_S)
        shown.parser = http.get_parser(self.cfg, connection.sock, connection.client)
        unreader = shown.parser.unreader = PatientUnreader(connection.sock, connection.take_unread())
        request = next(shown.parser)
        if request.version >= (1, 1) and not any(name == "HOST" for name, _ in request.headers):
            raise InvalidHeader("HOST", req=request)  # RFC 9112, section 3.2
        goes_on = self.handle_request(request, shown) and not unreader.has_ended
        goes_on = self._keepalive_after(shown, goes_on) and not unreader.has_ended
        connection.unread = unreader.take_buffered()
        connection.sock.setblocking(False)
        return goes_on

    def _await(self, connection: Connection, when: int = ONCE) -> None:
        fd = connection.sock.fileno()
        self._waiting[fd] = connection
        self._hear(fd, when)

    def _hear(self, fd: int, when: int = ONCE) -> None:
        """Have the poller tell one thread, once, of what comes; a socket that was closed meanwhile is left alone."""
        with suppress(OSError):
            self._poller.modify(fd, when)

    def _part(self, connection: Connection) -> None:
        if connection.part(monotonic() + LINGER_S):
            self._await(connection)
        else:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        was_full = len(self._open) >= self.worker_connections
        self._open.discard(connection)
        connection.sock.close()
        if was_full:
            self._listen_again()
