from itertools import count

import msgspec

from ingest.epochs import Epochs
from ingest.parts import Description, Init, Part
from ingest.playlists import low_latency_playlist, master_playlist, media_playlist
from ingest.renditions import Rendition

STARTED_AT = 1_800_000_000.0
PICTURE = Description(("avc1.64001f", "mp4a.40.2"), 1280, 720, 30.0)
GOP = [True, False, False]


def rendition(name: str = "source", window_s: float = 30.0, epochs: Epochs | None = None) -> Rendition:
    epochs = epochs or Epochs()
    epoch_at = epochs.lead if name == "source" else epochs.at
    made = Rendition(name, window_s, lambda part: STARTED_AT + part.decode_time_s, epoch_at)
    made.begin(Init(b"init", PICTURE))
    return made


def feed(made: Rendition, *keyframes: bool, part_s: float = 1 / 3) -> None:
    """Add parts that follow what is there; one for each claim of independence."""
    start_s = sum(segment.duration_s for segment in made.closed) + made.open_duration_s
    for index, keyframe in zip(count(), keyframes, strict=False):
        made.add(Part(b"x" * 1000, start_s + index * part_s, part_s, keyframe))


def test_a_playlist_lists_the_closed_segments() -> None:
    source = rendition()
    feed(source, *GOP * 2, True)
    assert media_playlist(source) == "\n".join(
        [
            "#EXTM3U",
            "#EXT-X-VERSION:6",
            "#EXT-X-TARGETDURATION:1",
            "#EXT-X-MEDIA-SEQUENCE:0",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            '#EXT-X-MAP:URI="init-0.mp4"',
            "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z",
            "#EXTINF:1.00000,",
            "0.m4s",
            "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:01.000Z",
            "#EXTINF:1.00000,",
            "1.m4s",
            "",
        ]
    )


def test_segments_are_cut_at_keyframes_alone() -> None:
    source = rendition()
    feed(source, True, *[False] * 6, True, *[False] * 5, True)
    assert [round(segment.duration_s, 2) for segment in source.closed] == [2.33, 2.0]
    assert "#EXT-X-TARGETDURATION:2" in media_playlist(source)


def test_short_groups_of_pictures_share_a_segment() -> None:
    source = rendition()
    feed(source, *[True] * 7)
    assert [round(segment.duration_s, 2) for segment in source.closed] == [1.0, 1.0]


def test_a_group_of_pictures_without_end_is_cut_all_the_same() -> None:
    source = rendition()
    feed(source, True, *[False] * 40)
    assert source.closed[0].duration_s >= 10
    assert source.open_duration_s < 10
    feed(source, *[False] * 40)
    assert "INDEPENDENT-SEGMENTS" not in media_playlist(source)


def test_a_new_init_is_a_discontinuity_from_then_on() -> None:
    source = rendition(epochs=(epochs := Epochs()))
    feed(source, *GOP)
    epochs.mark()
    source.begin(Init(b"other", PICTURE))
    feed(source, *GOP, True)
    lines = media_playlist(source).splitlines()
    cut = lines.index("#EXT-X-DISCONTINUITY")
    assert lines[cut - 1] == "0.m4s"
    assert lines[cut + 1] == '#EXT-X-MAP:URI="init-1.mp4"'
    assert lines.count("#EXT-X-DISCONTINUITY") == 1


def test_the_window_slides_and_counts_what_it_lost() -> None:
    source = rendition(window_s=5, epochs=(epochs := Epochs()))
    feed(source, *GOP)
    epochs.mark()
    source.begin(Init(b"other", PICTURE))
    feed(source, *GOP * 12)
    text = media_playlist(source)
    assert "#EXT-X-MEDIA-SEQUENCE:6\n" in text
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in text
    assert '#EXT-X-MAP:URI="init-1.mp4"' in text


def test_an_ended_playlist_says_so() -> None:
    source = rendition()
    feed(source, *GOP)
    source.cut()
    source.ended = True
    assert media_playlist(source).endswith("0.m4s\n#EXT-X-ENDLIST\n")
    assert low_latency_playlist(source).endswith("0.m4s\n#EXT-X-ENDLIST\n")


def test_the_low_latency_playlist_offers_parts_and_hints_at_the_next() -> None:
    source, other = rendition(), rendition("720p")
    feed(source, *GOP, True, False)
    feed(other, *GOP)
    lines = low_latency_playlist(source, [source, other]).splitlines()
    assert "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.050" in lines
    assert '#EXT-X-PART:DURATION=0.33333,URI="0.0.m4s",INDEPENDENT=YES' in lines
    assert lines[-4:] == [
        '#EXT-X-PART:DURATION=0.33333,URI="1.0.m4s",INDEPENDENT=YES',
        '#EXT-X-PART:DURATION=0.33333,URI="1.1.m4s"',
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1.2.m4s"',
        '#EXT-X-RENDITION-REPORT:URI="../720p/ll.m3u8",LAST-MSN=0,LAST-PART=2',
    ]


def test_parts_are_offered_before_the_first_segment_is_closed() -> None:
    source = rendition()
    feed(source, True, False)
    text = low_latency_playlist(source)
    assert '#EXT-X-MAP:URI="init-0.mp4"' in text
    assert "#EXTINF" not in text
    assert 'URI="0.1.m4s"' in text


def test_old_parts_are_forgotten() -> None:
    source = rendition()
    feed(source, *GOP * 10)
    assert [bool(segment.parts) for segment in source.closed] == [False] * 6 + [True] * 3
    assert 'URI="5.0.m4s"' not in low_latency_playlist(source)


def test_the_master_playlist_describes_every_rendition() -> None:
    source, sound = rendition(), rendition("audio")
    sound.begin(Init(b"init", Description(("mp4a.40.2",))))
    for made in (source, sound):
        feed(made, *GOP, True)
    assert master_playlist([source, sound]).splitlines()[2:] == [
        '#EXT-X-STREAM-INF:BANDWIDTH=24000,AVERAGE-BANDWIDTH=24000,CODECS="avc1.64001f,mp4a.40.2",'
        "RESOLUTION=1280x720,FRAME-RATE=30.000",
        "source/index.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=24000,AVERAGE-BANDWIDTH=24000,CODECS="mp4a.40.2"',
        "audio/index.m3u8",
    ]


def test_parts_of_a_process_that_goes_on_have_names_that_nobody_has_seen() -> None:
    before, after = rendition(), rendition()
    feed(before, *GOP * 2, True, False)
    after.restore([msgspec.structs.replace(before.closed[0], parts=())], inits=1)
    after.begin(Init(b"init", PICTURE))
    feed(after, *GOP * 2)
    first, second = low_latency_playlist(before), low_latency_playlist(after)
    assert '"1.0.m4s"' in first
    assert [line.partition('URI="')[2].partition('"')[0] for line in second.splitlines() if "URI" in line] == [
        *("init-0.mp4", "init-1.mp4", "1.1000.m4s", "1.1001.m4s", "1.1002.m4s"),
        *("2.1000.m4s", "2.1001.m4s", "2.1002.m4s", "2.1003.m4s"),
    ]
