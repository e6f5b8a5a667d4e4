"""Clips: the right moment, whole segments, from what is on air or from what was kept."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from db.models.clips import Clip
from db.models.streams import Stream
from services import clip_making, clips, clock
from services.actors import Actor, Role
from services.bus import bus
from services.clips import ClipDraft, Status
from services.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from services.gateways import ffmpeg
from services.recordings import finish_recording
from services.segment_index import RecordedRendition, SegmentEntry
from settings import Settings
from tests.factories import actor_of, make_channel, make_stream, make_user
from tests.fakes import FakeJobs
from tests.packaged import Broadcast


@pytest.fixture
def own_settings(db: None, tmp_path: Path) -> Iterator[Settings]:
    before = bus.settings
    bus.settings = msgspec.structs.replace(before, hls_path=tmp_path, media_storage=f"file:{tmp_path}")
    yield bus.settings
    bus.settings = before


@pytest.fixture
def live(own_settings: Settings) -> Stream:
    """A stream that has been live for eight seconds, of which six have been packaged."""
    began = clock.now() - timedelta(seconds=8)
    stream = make_stream(started_at=began)
    broadcast = Broadcast(own_settings.hls_path, stream.id, began.timestamp())
    broadcast.record("source", 6)
    return stream


@pytest.fixture
def viewer(own_settings: Settings) -> Actor:
    return actor_of(make_user())


def made(clip_id: UUID) -> Clip:
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        clip_making.make_clip(clip_id)
    return Clip.get_by_id(clip_id)


def file_of(url: str | None) -> Path:
    assert url is not None
    return bus.settings.hls_path / url.partition("/media/")[2]


def test_the_last_seconds_of_what_is_live_become_a_clip(live: Stream, viewer: Actor, jobs: FakeJobs) -> None:
    asked = clips.create_clip(viewer, live.id, ClipDraft())
    assert (asked.clip.status, asked.clip.url) == (Status.PROCESSING, None)
    assert [job.arguments for job in jobs.named("media.clip")] == [{"clip_id": str(asked.clip.id)}]
    made(asked.clip.id)
    shown = clips.clip(viewer, live.id, asked.clip.id)
    assert shown.status is Status.READY
    assert shown.duration_seconds == pytest.approx(6, abs=0.3)
    found = ffmpeg.probe(ffmpeg.find_binary(), file_of(shown.url))
    assert (found.width, found.audio_codec) == (320, "aac")
    assert file_of(shown.thumbnail).read_bytes()[8:12] == b"WEBP"


def test_a_range_is_rounded_out_to_whole_segments(live: Stream, viewer: Actor) -> None:
    asked = clips.create_clip(viewer, live.id, ClipDraft(start_seconds=1.5, end_seconds=3.5, title="The moment"))
    made(asked.clip.id)
    shown = clips.clip(viewer, live.id, asked.clip.id)
    assert (shown.title, shown.start_seconds) == ("The moment", 1.5)
    assert shown.duration_seconds == pytest.approx(3, abs=0.2)


def test_a_recording_is_cut_when_the_live_folder_is_gone(live: Stream, viewer: Actor) -> None:
    folder = bus.settings.hls_path / "hls" / str(live.id)
    (folder / "segments.json").write_text("{}")
    ended_at = live.started_at + timedelta(seconds=6)
    Stream.update(status="ENDED", ended_at=ended_at).where(Stream.id == live.id).execute()
    finish_recording(live.id)
    shutil.rmtree(folder)
    asked = clips.create_clip(viewer, live.id, ClipDraft(duration_seconds=2))
    assert made(asked.clip.id).error is None
    assert clips.clip(viewer, live.id, asked.clip.id).duration_seconds == pytest.approx(2, abs=0.2)


def test_the_last_segment_is_waited_for_but_not_for_ever(live: Stream, viewer: Actor) -> None:
    asked = clips.create_clip(viewer, live.id, ClipDraft())
    with pytest.raises(Unavailable):
        clip_making.make_clip(asked.clip.id)
    assert made(asked.clip.id).status == "READY"


def test_making_it_again_changes_nothing(live: Stream, viewer: Actor) -> None:
    asked = clips.create_clip(viewer, live.id, ClipDraft())
    before = made(asked.clip.id)
    assert made(asked.clip.id).updated_at == before.updated_at


def test_a_moment_of_which_nothing_was_kept_says_so(live: Stream, viewer: Actor) -> None:
    shutil.rmtree(bus.settings.hls_path / "hls" / str(live.id))
    asked = clips.create_clip(viewer, live.id, ClipDraft())
    assert (made(asked.clip.id).status, made(asked.clip.id).error) == ("FAILED", "the recording is gone")
    assert clips.clip(viewer, live.id, asked.clip.id).status is Status.FAILED


def test_a_clip_begins_with_a_keyframe() -> None:
    segments = tuple(
        SegmentEntry("source", f"source/{n}.m4s", "source/init-0.mp4", 1.0, 100.0 + n, 10, independent=n in (0, 3))
        for n in range(6)
    )
    chosen = clip_making.moment(RecordedRendition("source", (), segments), 104.2, 104.8)
    assert [segment.started_at for segment in chosen] == [103.0, 104.0]
    lost = clip_making.moment(RecordedRendition("source", (), segments), 200, 202)
    assert [segment.started_at for segment in lost] == [103.0, 104.0, 105.0]
    assert clip_making.moment(RecordedRendition("source", (), segments), 20, 30) == []


def test_clips_are_listed_newest_first_once_they_are_ready(live: Stream, viewer: Actor) -> None:
    first, second, third = (clips.create_clip(viewer, live.id, ClipDraft(duration_seconds=1)) for _ in range(3))
    made(first.clip.id)
    made(third.clip.id)
    page = clips.clips_of_stream(None, live.id, 1, None)
    assert [clip.id for clip in page.items] == [third.clip.id]
    rest = clips.clips_of_stream(None, live.id, 5, page.next_cursor)
    assert [clip.id for clip in rest.items] == [first.clip.id]
    with pytest.raises(NotFound):
        clips.clip(None, live.id, second.clip.id)


def test_a_clip_of_something_unlisted_plays_by_token(live: Stream, viewer: Actor) -> None:
    Stream.update(visibility="UNLISTED").where(Stream.id == live.id).execute()
    asked = clips.create_clip(viewer, live.id, ClipDraft())
    made(asked.clip.id)
    assert "/media/t/" in (clips.clip(viewer, live.id, asked.clip.id).url or "")


def test_who_may_not_watch_may_not_clip(own_settings: Settings, viewer: Actor) -> None:
    stream = make_stream(visibility="SUBSCRIBERS")
    with pytest.raises(Forbidden) as refusal:
        clips.create_clip(viewer, stream.id, ClipDraft())
    assert refusal.value.code == "subscription_required"


def test_clips_of_subscribers_streams_are_not_shown_to_others(own_settings: Settings, viewer: Actor) -> None:
    owner = make_user(role=Role.STREAMER)
    began = clock.now() - timedelta(seconds=3)
    stream = make_stream(make_channel(owner), visibility="SUBSCRIBERS", started_at=began)
    Broadcast(own_settings.hls_path, stream.id, began.timestamp()).record("source", 2)
    asked = clips.create_clip(actor_of(owner), stream.id, ClipDraft())
    made(asked.clip.id)
    [shown] = clips.clips_of_stream(viewer, stream.id, 5, None).items
    assert (shown.url, shown.thumbnail) == (None, None)


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (ClipDraft(start_seconds=5000), "startSeconds"),
        (ClipDraft(start_seconds=3, end_seconds=2), "endSeconds"),
        (ClipDraft(start_seconds=0, end_seconds=1000), "endSeconds"),
        (ClipDraft(end_seconds=0), "endSeconds"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(live: Stream, viewer: Actor, draft: ClipDraft, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        clips.create_clip(viewer, live.id, draft)
    assert refusal.value.details[0].field == field


def test_there_must_be_something_to_clip(own_settings: Settings, viewer: Actor) -> None:
    coming, unrecorded = make_stream(status="SCHEDULED"), make_stream(status="ENDED")
    elsewhere = make_stream(source_url="https://x.example/a.m3u8")
    for stream in (coming, unrecorded, elsewhere):
        with pytest.raises(Conflict):
            clips.create_clip(viewer, stream.id, ClipDraft())


def test_clips_are_not_made_by_the_hundred(live: Stream, viewer: Actor) -> None:
    with pytest.raises(RateLimited):
        for _ in range(100):
            clips.create_clip(viewer, live.id, ClipDraft())
