import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IngestError
from ingest.flv import MediaKind
from ingest.mp4_boxes import FragmentReader
from ingest.parts import Init, Part
from ingest.remux import Output, Remuxer
from tests.ingest import samples
from tests.ingest.samples import Tag, broadcast

VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO


def remux(tags: Iterable[Tag], remuxer: Remuxer | None = None) -> list[Output]:
    remuxer = remuxer or Remuxer()
    out = [output for tag in tags for output in remuxer.add(*tag)]
    return out + remuxer.finish()


def parts(outputs: list[Output]) -> list[Part]:
    return [output for output in outputs if isinstance(output, Part)]


def inits(outputs: list[Output]) -> list[Init]:
    return [output for output in outputs if isinstance(output, Init)]


def test_a_broadcast_becomes_an_init_and_parts_of_a_third_of_a_second() -> None:
    outputs = remux(broadcast(4))
    assert isinstance(outputs[0], Init)
    assert len(inits(outputs)) == 1
    made = parts(outputs)
    assert all(part.duration_s == pytest.approx(1 / 3, abs=0.04) for part in made)
    assert sum(part.duration_s for part in made) == pytest.approx(4, abs=0.05)
    assert [part.independent for part in made] == [True, False, False] * 4


def test_parts_join_without_gaps() -> None:
    made = parts(remux(broadcast(3)))
    for part, following in itertools.pairwise(made):
        assert part.decode_time_s + part.duration_s == pytest.approx(following.decode_time_s, abs=1e-6)


def test_our_own_reader_reads_the_same_from_the_bytes() -> None:
    outputs = remux(broadcast(2))
    read = FragmentReader().push(b"".join(output.data for output in outputs))
    assert [type(output) for output in read] == [type(output) for output in outputs]
    assert parts(read) == parts(outputs)
    assert read[0].description._replace(fps=30.0) == inits(outputs)[0].description  # type: ignore[union-attr]


def test_a_picture_without_sound_does_not_wait_when_the_encoder_says_so() -> None:
    remuxer = Remuxer()
    remuxer.expect(video=True, audio=False)
    outputs = remux(broadcast(0.5, sound=False), remuxer)
    assert inits(outputs)[0].description.codecs == ("avc1.42c01e",)
    assert len(parts(outputs)) == 2


def test_a_picture_without_sound_waits_a_second_when_nobody_says_so() -> None:
    made = parts(remux(broadcast(3, sound=False)))
    assert made[0].duration_s == pytest.approx(1.0, abs=0.1)
    assert made[1].duration_s == pytest.approx(1 / 3, abs=0.04)


def test_sound_alone_becomes_parts_that_can_all_be_joined() -> None:
    remuxer = Remuxer()
    remuxer.expect(video=False, audio=True)
    tags = [tag for tag in broadcast(3) if tag[0] is AUDIO]
    outputs = remux(tags, remuxer)
    assert not inits(outputs)[0].description.has_picture
    assert all(part.independent for part in parts(outputs))
    assert sum(part.duration_s for part in parts(outputs)) == pytest.approx(3, abs=0.05)


def test_nothing_comes_before_the_first_keyframe() -> None:
    tags = broadcast(2)
    without_first = [tag for tag in tags if not (tag[0] is VIDEO and tag[1] < 100 and tag[2][:2] == b"\x17\x01")]
    made = parts(remux(without_first))
    assert made[0].decode_time_s == pytest.approx(1.0)
    assert made[0].independent


def test_new_parameters_begin_a_new_init() -> None:
    bigger = b"\x17\x00\x00\x00\x00" + samples.AVC_1080P
    tags = [*broadcast(1), (VIDEO, 1000, bigger), *broadcast(1, start_ms=1000)[2:]]
    outputs = remux(tags)
    assert [init.description.height for init in inits(outputs)] == [360, 1080]
    assert sum(part.duration_s for part in parts(outputs)) == pytest.approx(2, abs=0.05)


def test_repeated_parameters_change_nothing() -> None:
    tags = [*broadcast(1), *broadcast(1, start_ms=1000)]
    assert len(inits(remux(tags))) == 1


def test_times_that_stand_still_or_go_back_still_rise_in_the_parts() -> None:
    tags = [(kind, min(time, 500) if kind is VIDEO else time, body) for kind, time, body in broadcast(2)]
    made = parts(remux(tags))
    assert all(a.decode_time_s < b.decode_time_s for a, b in itertools.pairwise(made))


def test_a_flood_without_keyframes_is_given_out_in_bounded_parts() -> None:
    flood = [(VIDEO, 40, samples.video(data=bytes(1 << 20))) for _ in range(30)]
    made = parts(remux([*broadcast(0.04), *flood]))
    assert max(len(part.data) for part in made) < 8 << 20


def test_sound_goes_on_where_the_picture_stops() -> None:
    tags = [tag for tag in broadcast(9) if tag[0] is AUDIO or tag[1] < 1000]
    made = parts(remux(tags))
    assert len(made) >= 6


BODIES = st.sampled_from([samples.VIDEO_CONFIG, samples.AUDIO_CONFIG, samples.video(key=True), samples.video()])


@given(st.lists(st.tuples(st.sampled_from([VIDEO, AUDIO]), st.integers(0, 9000), BODIES | st.binary(max_size=60))))
def test_any_tags_give_readable_fragments_or_a_refusal(tags: list[Tag]) -> None:
    try:
        outputs = remux(tags)
    except IngestError:
        return
    FragmentReader().push(b"".join(output.data for output in outputs))
