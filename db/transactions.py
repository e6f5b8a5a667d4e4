"""Transactions whose effects wait for the commit: nothing leaves the process before it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from db.connection import connection, database

Effect = Callable[[], object]


class Sink(Protocol):
    """Stores what a transaction emitted, as its last act, and returns what follows the commit."""

    def store(self, effects: Sequence[Any]) -> Effect: ...


class _Frame:
    """What one `atomic` block has promised so far; a savepoint rolled back drops its own."""

    def __init__(self) -> None:
        self.after: list[Effect] = []
        self.emitted: list[tuple[Sink, Any]] = []

    def absorb(self, inner: "_Frame") -> None:
        self.after += inner.after
        self.emitted += inner.emitted


class _Stack(threading.local):
    def __init__(self) -> None:
        self.frames: list[_Frame] = []


_stack = _Stack()
_witness: ContextVar[Effect | None] = ContextVar("witness", default=None)


@contextmanager
def atomic() -> Iterator[None]:
    """Commit all or nothing; nested blocks are savepoints.

    After the outermost commit the promised effects run, in order. An effect that raises is
    reported to the caller although the data are committed: effects that may fail must say so
    themselves (the outbox does).
    """
    frame = _Frame()
    with connection():
        _stack.frames.append(frame)
        try:
            with database.atomic():
                yield
                if len(_stack.frames) == 1:
                    _store(frame)
                    _attest()
        finally:
            _stack.frames.pop()
        if _stack.frames:
            _stack.frames[-1].absorb(frame)
            return
        for effect in frame.after:
            effect()


def witnessed_by(witness: Effect) -> None:
    """Let `witness` be the last act of every transaction of the current context; where it raises, none commits."""
    _witness.set(witness)


def after_commit(effect: Effect) -> None:
    """Run `effect` after the outermost commit; at once where no transaction is open."""
    if _stack.frames:
        _stack.frames[-1].after.append(effect)
    else:
        effect()


def emit(effect: Any, sink: Sink) -> None:
    """Hand `effect` to `sink` in the same transaction; opens one where none is open."""
    if _stack.frames:
        _stack.frames[-1].emitted.append((sink, effect))
        return
    with atomic():
        _stack.frames[-1].emitted.append((sink, effect))


def _attest() -> None:
    witness = _witness.get()
    if witness is not None:
        witness()


def _store(frame: _Frame) -> None:
    sinks: dict[int, tuple[Sink, list[Any]]] = {}
    for sink, effect in frame.emitted:
        sinks.setdefault(id(sink), (sink, []))[1].append(effect)
    for sink, effects in sinks.values():
        frame.after.append(sink.store(effects))
