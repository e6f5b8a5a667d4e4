import pytest

from ingest.errors import UnsupportedMedia
from ingest.flv import MediaKind
from ingest.hub import MAX_BACKLOG_BYTES, MAX_GOP_BYTES, Hub
from tests.ingest import samples

VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO


class FakeReader:
    """A reader whose backlog the test sets."""

    def __init__(self) -> None:
        self.waiting = 0
        self.closed = False
        self.data = b""

    def backlog(self) -> int:
        return self.waiting

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        self.closed = True

    def tags(self) -> list[tuple[int, int, bytes]]:
        """Kind, time and body of what came, the file's header apart."""
        found, position = [], 13
        while position < len(self.data):
            size = int.from_bytes(self.data[position + 1 : position + 4], "big")
            time = int.from_bytes(self.data[position + 4 : position + 7], "big")
            found.append((self.data[position], time, self.data[position + 11 : position + 11 + size]))
            position += size + 15
        return found


@pytest.fixture
def hub() -> Hub:
    made = Hub()
    made.set_metadata({"videocodecid": 7.0, "audiocodecid": 10.0, "framerate": 30.0}, b"meta")
    made.publish(VIDEO, 500, samples.VIDEO_CONFIG)
    made.publish(AUDIO, 500, samples.AUDIO_CONFIG)
    return made


def publish_gop(hub: Hub, start_ms: int, frames: int = 3) -> None:
    for number in range(frames):
        hub.publish(VIDEO, start_ms + 33 * number, samples.video(key=number == 0))


def test_a_reader_gets_headers_the_last_group_of_pictures_and_then_all_that_comes(hub: Hub) -> None:
    publish_gop(hub, 500)
    publish_gop(hub, 1500)
    reader = FakeReader()
    hub.join(reader)
    hub.publish(AUDIO, 1600, samples.audio())
    assert reader.tags() == [
        (18, 0, b"meta"),
        (9, 1000, samples.VIDEO_CONFIG),
        (8, 1000, samples.AUDIO_CONFIG),
        (9, 1000, samples.video(key=True)),
        (9, 1033, samples.video()),
        (9, 1066, samples.video()),
        (8, 1100, samples.audio()),
    ]


def test_a_reader_before_the_first_keyframe_waits_for_it(hub: Hub) -> None:
    reader = FakeReader()
    hub.join(reader)
    hub.publish(AUDIO, 510, samples.audio())
    hub.publish(VIDEO, 520, samples.video(key=True))
    assert [kind for kind, _, _ in reader.tags()][3:] == [9]


def test_a_slow_reader_misses_whole_groups_of_pictures(hub: Hub) -> None:
    publish_gop(hub, 500)
    reader = FakeReader()
    hub.join(reader)
    before = len(reader.tags())
    reader.waiting = MAX_BACKLOG_BYTES + 1
    hub.publish(VIDEO, 600, samples.video())
    reader.waiting = 0
    hub.publish(VIDEO, 633, samples.video())
    publish_gop(hub, 1500, frames=2)
    assert [time for _, time, _ in reader.tags()[before:]] == [1000, 1033]
    assert hub.dropped_tags == 2


def test_the_memory_of_a_group_of_pictures_is_bounded(hub: Hub) -> None:
    hub.publish(VIDEO, 500, samples.video(key=True))
    for number in range(5):
        hub.publish(VIDEO, 533 + number, samples.video(data=bytes(MAX_GOP_BYTES // 4)))
    assert sum(len(item.payload) for item in hub.gop) <= MAX_GOP_BYTES


def test_it_has_begun_with_its_first_keyframe(hub: Hub) -> None:
    hub.publish(VIDEO, 500, samples.video())
    assert not hub.has_begun
    hub.publish(VIDEO, 533, samples.video(key=True))
    assert hub.has_begun


def test_sound_alone_has_begun_after_a_second() -> None:
    hub = Hub()
    hub.publish(AUDIO, 0, samples.AUDIO_CONFIG)
    hub.publish(AUDIO, 0, samples.audio())
    assert not hub.has_begun
    hub.publish(AUDIO, 1000, samples.audio())
    assert hub.has_begun
    assert hub.keyframe_file() is None


def test_sound_that_was_announced_alone_begins_at_once() -> None:
    hub = Hub()
    hub.set_metadata({"audiocodecid": 10.0}, b"meta")
    hub.publish(AUDIO, 0, samples.AUDIO_CONFIG)
    hub.publish(AUDIO, 0, samples.audio())
    assert hub.has_begun


def test_facts_are_measured(hub: Hub) -> None:
    for second in range(4):
        for number in range(30):
            if (second, number) != (2, 7):
                hub.publish(VIDEO, 500 + 1000 * second + 1000 * number // 30, samples.video(key=number == 0))
    facts = hub.facts()
    assert (facts.video_codec, facts.audio_codec, facts.width, facts.height) == ("h264", "aac", 640, 360)
    assert facts.fps == pytest.approx(29.5)
    assert facts.keyframe_interval_s == 1.0
    assert facts.dropped_frames == 1
    assert facts.bitrate_kbps == round(8 * 10 * 29.5 / 1000)


def test_the_keyframe_file_is_a_whole_flv_file(hub: Hub) -> None:
    publish_gop(hub, 500)
    file = FakeReader()
    file.data = hub.keyframe_file() or b""
    assert file.tags() == [(9, 0, samples.VIDEO_CONFIG), (9, 0, samples.video(key=True))]


def test_readers_outlive_an_encoder_that_returns(hub: Hub) -> None:
    publish_gop(hub, 500)
    reader = FakeReader()
    hub.join(reader)
    hub.restart()
    hub.publish(VIDEO, 0, samples.VIDEO_CONFIG)
    publish_gop(hub, 0)
    times = [time for _, time, _ in reader.tags()]
    assert times == sorted(times)
    hub.close()
    assert reader.closed


def test_unsupported_codecs_are_refused(hub: Hub) -> None:
    with pytest.raises(UnsupportedMedia):
        hub.publish(VIDEO, 0, b"\x90vp09....")
