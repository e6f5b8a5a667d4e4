"""From a command to its handler and back: the table of commands, and each client's line of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

import msgspec
import structlog

from realtime.answers import ErrorEvent, ack, encode
from realtime.client import STRIKES, Client
from realtime.hall import Hall
from realtime.protocol import COMMANDS, Close, Code, Command, Refused, Said
from services.errors import Forbidden, Invalid, RateLimited, ServiceError, Unavailable
from services.tracing import with_request_id

log = structlog.get_logger(__name__)

INBOX_PAUSE = 32
INBOX_RESUME = 8


_FAULT = Unavailable("Something went wrong here.", Code.INTERNAL)


class Reply(msgspec.Struct, frozen=True):
    """What a handler answers: fields of the `ack`, or a whole event; `then` runs right after it is sent."""

    body: msgspec.Struct | None = None
    event: bytes | None = None
    then: Callable[[], None] | None = None


Handler = Callable[[Client, Any, Hall], Awaitable[Reply]]
End = Callable[[Any], None]
Beginner = Callable[[Client, Any, Hall, End], bool]
H = TypeVar("H", bound=Handler)
B = TypeVar("B", bound=Beginner)


def command(*names: str) -> Callable[[H], H]:
    """Mark an async function as the handler of these `type`s."""

    def mark(handler: H) -> H:
        handler.commands = names  # type: ignore[attr-defined]
        return handler

    return mark


def at_once(*names: str, reply: Callable[[Any], Reply]) -> Callable[[B], B]:
    """Mark a function that begins these `type`s without a task, and calls its `end` with what came of it.

    Where it gives False the handler does all of it. `reply` makes the answer, and raises ServiceError.
    """

    def mark(beginner: B) -> B:
        beginner.begins = names  # type: ignore[attr-defined]
        beginner.reply = reply  # type: ignore[attr-defined]
        return beginner

    return mark


def table_of(modules: Iterable[ModuleType]) -> Mapping[str, Handler]:
    """The handler of every command of the protocol; raises LookupError where one has none."""
    table = {
        name: handler
        for module in modules
        for handler in vars(module).values()
        if callable(handler)
        for name in getattr(handler, "commands", ())
    }
    if table.keys() != COMMANDS.keys():
        raise LookupError(f"commands and handlers differ: {sorted(table.keys() ^ COMMANDS.keys())}")
    return table


def beginners_of(modules: Iterable[ModuleType]) -> Mapping[str, tuple[Beginner, Callable[[Any], Reply]]]:
    """What begins commands without a task, and what answers them, by their names."""
    return {
        name: (beginner, beginner.reply)
        for module in modules
        for beginner in vars(module).values()
        if callable(beginner)
        for name in getattr(beginner, "begins", ())
    }


class Router:
    """Each client's commands are handled one after the other, in the order in which they came."""

    def __init__(
        self,
        table: Mapping[str, Handler],
        beginners: Mapping[str, tuple[Beginner, Callable[[Any], Reply]]],
        hall: Hall,
    ) -> None:
        self._table, self._beginners, self._hall = table, beginners, hall
        self._running: set[asyncio.Task[None]] = set()

    def submit(self, client: Client, said: Said) -> None:
        """Put a command in the client's line; a long line stops the reading of the socket."""
        wait_s = client.pace.wait_s(said.command, client.connection.last_heard_at)
        if wait_s:
            self._slow_down(client, said, wait_s)
            return
        if not client.is_busy and self._begin(client, said):
            return
        if client.inbox is None:
            client.inbox = deque()
        client.inbox.append(said)
        if len(client.inbox) == INBOX_PAUSE:
            client.connection.pause_reading()
        if not client.is_busy:
            self._work_off(client)

    def refuse(self, client: Client, refused: Refused) -> None:
        """Answer what is no command; many of them end the connection."""
        client.strikes += 1
        error = ErrorEvent(id=refused.ref, code=refused.code, message=refused.message)
        self._send(client, encode(error), refused.ack_id)
        if client.strikes >= STRIKES:
            client.connection.close(Close.POLICY, "too many malformed messages")

    def _slow_down(self, client: Client, said: Said, wait_s: float) -> None:
        """Refuse what comes too fast; whoever does not care is cut off."""
        refusal = RateLimited("This socket says too much.", retry_after_s=wait_s)
        self._hall.metrics.commands.count(said.command.name, refusal.code)
        self._send(client, encode(error_event(said.command, refusal)), said.ack_id)
        if client.pace.is_hopeless:
            client.connection.close(Close.POLICY, "too many messages")

    async def finish(self, timeout_s: float) -> None:
        """Wait for the commands that are being handled."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)

    def _begin(self, client: Client, said: Said) -> bool:
        """Begin a command without a task where that is possible: nearly all that is said is chat."""
        found = self._beginners.get(said.command.name)
        if found is None:
            return False
        begin, reply = found
        client.is_busy = True
        try:
            is_begun = begin(client, said.command, self._hall, partial(self._end, client, said, reply))
        except ServiceError as error:
            self._fail(client, said, error)
        except Exception:  # the outermost loop of a client's commands
            log.exception("command_failed", command=said.command.name)
            self._fail(client, said, _FAULT)
        else:
            if not is_begun:
                client.is_busy = False  # where it was begun it may have ended already
            return is_begun
        client.is_busy = False
        return True

    def _end(self, client: Client, said: Said, reply: Callable[[Any], Reply], outcome: Any) -> None:
        try:
            self._answer(client, said, reply(outcome))
        except ServiceError as error:
            self._fail(client, said, error)
        except Exception:  # the outermost loop of a client's commands
            log.exception("command_failed", command=said.command.name)
            self._fail(client, said, _FAULT)
        client.is_busy = False
        if client.inbox:
            self._work_off(client)

    def _work_off(self, client: Client) -> None:
        client.is_busy = True
        task = asyncio.get_running_loop().create_task(self._work(client))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _work(self, client: Client) -> None:
        try:
            while client.inbox:
                said = client.inbox.popleft()
                if len(client.inbox) == INBOX_RESUME:
                    client.connection.resume_reading()
                with with_request_id(""):
                    await self._handle(client, said)
        finally:
            client.is_busy, client.inbox = False, None

    async def _handle(self, client: Client, said: Said) -> None:
        try:
            self._answer(client, said, await self._table[said.command.name](client, said.command, self._hall))
        except ServiceError as error:
            self._fail(client, said, error)
        except Exception:  # the outermost loop of a client's commands
            log.exception("command_failed", command=said.command.name)
            self._fail(client, said, _FAULT)

    def _fail(self, client: Client, said: Said, error: ServiceError) -> None:
        self._hall.metrics.commands.count(said.command.name, error.code)
        self._send(client, encode(error_event(said.command, error)), said.ack_id)
        if error.code == Code.UNAUTHORIZED and getattr(said.command, "token", None) is not None:
            client.connection.close(Close.UNAUTHORIZED, "unauthorized")

    def _answer(self, client: Client, said: Said, reply: Reply) -> None:
        self._hall.metrics.commands.count(said.command.name, "ok")
        if reply.event is not None:
            self._send(client, reply.event, said.ack_id)
        elif said.is_answered:
            self._send(client, ack(said.command.id, reply.body), said.ack_id)
        if reply.then is not None:
            reply.then()

    @staticmethod
    def _send(client: Client, event: bytes, ack_id: int | None) -> None:
        connection = client.connection
        connection.write(connection.dialect.reply(event, ack_id))


def error_event(said: Command, error: ServiceError) -> ErrorEvent:
    """A service's refusal as the sender hears it."""
    until = error.until if isinstance(error, Forbidden) else None
    return ErrorEvent(
        id=said.id,
        code=error.code,
        message=error.message,
        retry_after_ms=round(error.retry_after_s * 1000) if isinstance(error, RateLimited | Unavailable) else None,
        until=until.astimezone(UTC).isoformat().replace("+00:00", "Z") if until else None,
        details=error.details or None if isinstance(error, Invalid) else None,
    )
