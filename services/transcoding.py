"""Live transcoding: one ffmpeg a stream, watched for as long as the stream lives."""

import time
from enum import StrEnum
from threading import Event
from uuid import UUID

import msgspec
import peewee
import redis
import structlog

from db.connection import connection
from db.models.streams import IngestSession, Stream
from services import jobs, relays, transcode_register
from services.bus import bus
from services.gateways import ffmpeg
from services.ids import new_id
from services.jobs import enqueue
from services.ladder import Rung, Source, ladder, shed, transcode_command
from services.media_facts import facts_of
from services.tokens import relay_token
from services.transcode_pace import MachineClock, Pace
from services.transcode_register import TranscodeClaim, TranscodeStatus

log = structlog.get_logger(__name__)

TICK_S = 0.5
STATE_EVERY_S = 2.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 4.0
SETTLED_AFTER_S = 10.0
FFMPEG_PATIENCE_S = 1.5


class Outcome(StrEnum):
    """Why a worker stopped transcoding a stream."""

    ENDED = "ended"
    HELD_ELSEWHERE = "held_elsewhere"
    LOST = "lost"
    HANDED_OVER = "handed_over"


class Condition(msgspec.Struct, frozen=True):
    """What is known of a stream: is it live, does it arrive, by which connection, at which relay, and what is it."""

    is_live: bool
    is_arriving: bool = False
    session_id: UUID | None = None
    source: Source = Source()
    relay_url: str | None = None


def transcode_live(stream_id: UUID, stopping: Event) -> Outcome:
    """Keep the ladder of a stream going until it ends, another worker has it, or we are `stopping`.

    Safe to run any number of times: one worker holds the claim, the others return at once. Start
    it in the thread that shall wait: ffmpeg dies with that thread.
    """
    claim = TranscodeClaim(stream_id, holder=str(new_id()))
    if not claim.acquire():
        return Outcome.HELD_ELSEWHERE
    outcome = Outcome.HANDED_OVER
    try:
        outcome = _Supervisor(claim, stopping).keep_going()
    finally:
        if outcome is not Outcome.LOST:
            claim.release(finished=outcome is Outcome.ENDED)
    if outcome is Outcome.HANDED_OVER:
        transcode_register.expect(stream_id)
        enqueue(jobs.TRANSCODE_LIVE, stream_id=stream_id)
    return outcome


def resume_abandoned() -> int:
    """Ask again for every ladder whose worker has died; returns how many there were."""
    found = transcode_register.abandoned()
    for stream_id in found:
        log.warning("transcode_abandoned", stream_id=str(stream_id))
        enqueue(jobs.TRANSCODE_LIVE, stream_id=stream_id)
    return len(found)


def resume_forgotten() -> int:
    """Ask for every live stream that nobody transcodes or was asked to; returns how many there were."""
    rows = Stream.select(Stream.id).where(
        Stream.status == "LIVE", Stream.source_type == "RTMP", Stream.media_server.is_null()
    )
    live = [row.id for row in rows]
    forgotten = set(live) - transcode_register.held(live)
    for stream_id in forgotten:
        transcode_register.expect(stream_id)
        enqueue(jobs.TRANSCODE_LIVE, stream_id=stream_id)
    return len(forgotten)


def condition_of(stream_id: UUID) -> Condition:
    """What is known of a stream and of the encoder that sends it."""
    with connection():
        stream = Stream.get_or_none(Stream.id == stream_id)
        if stream is None or stream.status != "LIVE":
            return Condition(is_live=False)
        sessions = IngestSession.select().where(IngestSession.stream == stream_id)
        session = sessions.order_by(IngestSession.ended_at.is_null().desc(), IngestSession.started_at.desc()).first()
    if session is None:
        return Condition(is_live=True, is_arriving=stream.interrupted_at is None)
    return Condition(True, stream.interrupted_at is None, session.id, _source(session), session.relay_url)


def _source(session: IngestSession) -> Source:
    measured = facts_of(session.stream_id)
    return Source(
        width=session.width,
        height=session.height,
        video_codec=session.video_codec,
        audio_codec=session.audio_codec,
        bitrate_kbps=session.bitrate_kbps,
        fps=measured.fps if measured else None,
        keyframe_interval_s=measured.keyframe_interval_s if measured else None,
    )


class _Supervisor:
    """Runs ffmpeg again and again, with the claim renewed and the stream's condition watched."""

    def __init__(self, claim: TranscodeClaim, stopping: Event) -> None:
        self._claim, self._stopping = claim, stopping
        self._stream_id = claim.stream_id
        self._settings = bus.settings
        self._binary = ffmpeg.find_binary(self._settings.ffmpeg_binary)
        self._token = relay_token(self._stream_id)
        self._condition, self._looked_at = condition_of(self._stream_id), time.monotonic()
        self._status = TranscodeStatus(rungs=[])
        self._to_shed, self._shed_reason = 0, ""
        self._restarts = 0

    def keep_going(self) -> Outcome:
        pause_s = FIRST_PAUSE_S
        while (outcome := self._outcome()) is None:
            started = time.monotonic()
            if self._condition.is_arriving:
                self._run_ladder()
                self._restarts += 1
            lasted_s = time.monotonic() - started
            pause_s = FIRST_PAUSE_S if lasted_s > SETTLED_AFTER_S else min(pause_s * 2, LONGEST_PAUSE_S)
            self._pause(pause_s if self._condition.is_arriving else TICK_S)
        return outcome

    def _outcome(self, *, look: bool = True) -> Outcome | None:
        """Why to stop now; None to go on. Renews the claim; looks at the stream if asked to."""
        if not self._renewed():
            return Outcome.LOST  # even when told to stop: there is nothing left to hand over
        if self._stopping.is_set():
            return Outcome.HANDED_OVER
        if look or time.monotonic() - self._looked_at > STATE_EVERY_S:
            self._look()
        return None if self._condition.is_live else Outcome.ENDED

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        try:
            self._condition = condition_of(self._stream_id)
        except (peewee.OperationalError, peewee.InterfaceError) as error:
            log.warning("condition_unknown", stream_id=str(self._stream_id), error=str(error))

    def _renewed(self) -> bool:
        try:
            return self._claim.renew()
        except redis.RedisError as error:
            log.warning("claim_not_renewed", stream_id=str(self._stream_id), error=str(error))
            return True  # nobody else can take it while Redis is away

    def _pause(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0 and self._outcome(look=False) is None:
            self._stopping.wait(min(left, TICK_S))

    def _run_ladder(self) -> None:
        source = self._measured()
        rungs = self._affordable(source)
        if not rungs:
            self._pause(STATE_EVERY_S)
            return
        command = transcode_command(
            self._relay_url(".flv"), source, rungs, lambda rung: self._relay_url(f"/{rung.name}"), self._encoder
        )
        log.info("transcode_started", stream_id=str(self._stream_id), rungs=[rung.name for rung in rungs])
        with ffmpeg.LiveProcess(self._binary, command) as process:
            self._watch(process, source)
            process.stop(FFMPEG_PATIENCE_S)
            self._log_end(process)

    def _watch(self, process: ffmpeg.LiveProcess, source: Source) -> None:
        """Return when ffmpeg has ended, has to, or has to make do with fewer rungs.

        An encoder that comes back may send another picture: its connection gets an ffmpeg of its own.
        """
        session_id = self._condition.session_id
        cpu = MachineClock() if self._encoder == "libx264" else None
        pace = Pace(time.monotonic(), source.fps, cpu)
        self._report()
        while process.exit_code is None and self._outcome(look=False) is None:
            if not self._condition.is_arriving or self._condition.session_id != session_id:
                return
            if source.is_playable and not self._condition.source.is_playable:
                return  # keyframes turned out too far apart: a rung has to stand in for the source
            for progress in process.listen(TICK_S):
                if self._is_too_much(pace, progress):
                    return

    def _is_too_much(self, pace: Pace, progress: ffmpeg.Progress) -> bool:
        is_behind = pace.is_falling_behind(time.monotonic(), progress.frame, progress.out_time_s or 0.0)
        self._report(speed=round(pace.ratio, 3), fps=progress.fps)
        can_shed = any(name != "audio" for name in self._status.rungs)
        if is_behind and can_shed:
            self._to_shed += 1
            self._shed_reason = f"The machine cannot keep up (speed {pace.ratio:.2f})"
            log.warning("rung_shed", stream_id=str(self._stream_id), speed=pace.ratio)
        return is_behind and can_shed

    def _measured(self) -> Source:
        """The source as ingest described it, or as ffmpeg sees it where ingest does not know yet."""
        known = self._condition.source
        if known.short_side:
            return known
        try:
            seen = ffmpeg.probe(self._binary, self._relay_url(".flv"))
        except ffmpeg.FfmpegError as error:
            log.warning("source_not_seen", stream_id=str(self._stream_id), error=self._without_token(str(error)))
            return known
        return Source(seen.width, seen.height, seen.fps, seen.video_codec, seen.audio_codec)

    def _affordable(self, source: Source) -> list[Rung]:
        """The rungs to make: all, without those shed before, or only the least on a crowded machine."""
        wanted = ladder(source)
        to_shed, reason = self._to_shed, self._shed_reason
        if self._claim.others_here() >= self._settings.max_transcodes:
            to_shed, reason = max(to_shed, len(wanted) - 2), "The machine transcodes as many streams as it may"
        rungs, left_out = shed(wanted, to_shed)
        self._status = TranscodeStatus(
            rungs=[rung.name for rung in rungs],
            shed=[rung.name for rung in left_out],
            reason=reason if left_out else None,
        )
        return rungs

    def _report(self, speed: float | None = None, fps: float | None = None) -> None:
        status = msgspec.structs.replace(self._status, speed=speed, fps=fps, restarts=self._restarts)
        try:
            transcode_register.report(self._stream_id, status)
        except redis.RedisError as error:
            log.warning("status_not_reported", stream_id=str(self._stream_id), error=str(error))

    def _log_end(self, process: ffmpeg.LiveProcess) -> None:
        log.info(
            "transcode_ended",
            stream_id=str(self._stream_id),
            exit_code=process.exit_code,
            complaints=self._without_token(process.complaints[-2000:]),
        )

    @property
    def _encoder(self) -> str:
        return self._settings.video_encoder

    def _relay_url(self, what: str) -> str:
        return f"{relays.address(self._condition.relay_url)}/live/{self._stream_id}{what}?token={self._token}"

    def _without_token(self, text: str) -> str:
        return text.replace(self._token, "…")
