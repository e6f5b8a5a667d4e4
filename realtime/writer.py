"""Messages on their way into the database: as many in a commit as came during the last."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from realtime.metrics import Metrics
from realtime.sequence import Numbered
from services import chat
from services.chat import Draft, News, Outcome
from services.errors import ServiceError, Unavailable

log = structlog.get_logger(__name__)

BATCH = 500
WAITING_LIMIT = 10_000
THREADS = 2  # while one tells the other processes of its batch, the next is stored

Store = Callable[[Sequence[Draft]], Sequence[Outcome]]
Announce = Callable[[News | None], None]
Hear = Callable[[Sequence[tuple[bytes, Numbered]]], None]
Answer = Callable[[Outcome], None]
Waiting = tuple[Draft, Answer]


class Writer:
    """There is no timer: an idle room pays no delay, and a storm makes its batches by itself.

    One batch at a time is in the database: two would share what came between them and wait for each other's
    rooms. After the commit the sender is answered first, then this process's own sockets hear of it, and
    meanwhile Redis tells all the others.
    """

    def __init__(
        self, store: Store, announce: Announce, hear: Hear, metrics: Metrics, *, threads: int = THREADS
    ) -> None:
        """`store` and `announce` are called on the writer's threads; `hear` on the event loop, with topics."""
        self._store, self._announce, self._hear, self._metrics = store, announce, hear, metrics
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._is_closed = False
        self._awaited = 0
        self._turn = threading.Lock()
        self._threads = [threading.Thread(target=self._run, name="writer", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def take(self, draft: Draft, answer: Answer) -> None:
        """Store one message; `answer`, which does not raise, hears on the event loop what the commit brought."""
        if self._is_closed or self._queue.qsize() >= WAITING_LIMIT:
            answer(Unavailable("Too much is waiting to be written; nothing was sent."))
        else:
            self._queue.put((draft, answer))

    def send(self, draft: Draft) -> "asyncio.Future[Outcome]":
        """The same for somebody who waits."""
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._awaited += 1
        self.take(draft, partial(self._settle, future))
        return future

    async def close(self) -> None:
        """Take no more, and return when everything taken is stored, announced and answered."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put(None)
        for thread in self._threads:
            await self._loop.run_in_executor(None, thread.join)

    def _run(self) -> None:
        while True:
            with self._turn:
                batch = self._next_batch()
                outcomes = self._stored([draft for draft, _ in batch])
            if not batch:
                return
            news = chat.news_of(outcomes)
            self._loop.call_soon_threadsafe(self._pass_on, batch, outcomes, news)
            self._tell_others(news)

    def _next_batch(self) -> list[Waiting]:
        """What waits now, or else the next that comes; empty when the writer is to end, which the next is told too."""
        batch: list[Waiting] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) >= BATCH:
                return batch
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch
        self._queue.put(None)
        return batch

    def _stored(self, drafts: list[Draft]) -> Sequence[Outcome]:
        if not drafts:
            return []
        self._metrics.batch_size.observe(len(drafts))
        try:
            return self._store(drafts)
        except ServiceError as refusal:
            return [refusal] * len(drafts)
        except Exception:  # the outermost loop of this thread
            log.exception("batch_failed", messages=len(drafts))
            if len(drafts) > 1:  # one of them cannot be stored: the others' senders did nothing wrong
                return [outcome for draft in drafts for outcome in self._stored([draft])]
            return [Unavailable("The message could not be stored.")]

    def _tell_others(self, news: News | None) -> None:
        try:
            self._announce(news)
        except Exception:  # the outermost loop of this thread; whoever was not told finds the gap
            log.exception("batch_not_announced")

    def _pass_on(self, batch: list[Waiting], outcomes: Sequence[Outcome], news: News | None) -> None:
        is_awaited = self._awaited > 0
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            answer(outcome)
        if news is None:
            return
        stored = [(topic, Numbered(seq, event)) for topic, seq, event in news.events]
        if is_awaited:
            self._loop.call_soon(self._hear, stored)  # whoever waits goes on before the next turn of the loop
        else:
            self._hear(stored)  # before Redis brings it back, which is then known and not read

    def _settle(self, future: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
        self._awaited -= 1
        if not future.done():  # whoever waited may have gone
            future.set_result(outcome)
