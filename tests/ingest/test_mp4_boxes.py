import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ProtocolError
from ingest.mp4_boxes import FragmentReader
from tests.ingest.samples import broadcast
from tests.ingest.test_remux import remux

WHOLE = b"".join(output.data for output in remux(broadcast(1)))


@given(st.lists(st.integers(0, len(WHOLE)), max_size=20))
def test_fragments_may_arrive_in_any_pieces(cuts: list[int]) -> None:
    ends = sorted({*cuts, len(WHOLE)})
    reader = FragmentReader()
    read = [output for start, end in zip([0, *ends], ends, strict=False) for output in reader.push(WHOLE[start:end])]
    assert read == FragmentReader().push(WHOLE)


@given(st.integers(0, 1500), st.binary(min_size=1, max_size=4))
def test_damage_never_raises_anything_but_a_protocol_error(position: int, damage: bytes) -> None:
    damaged = WHOLE[:position] + damage + WHOLE[position + len(damage) :]
    try:
        FragmentReader().push(damaged)
    except ProtocolError:
        return


@pytest.mark.parametrize(
    "hostile",
    [struct.pack(">I4s", 1 << 30, b"mdat"), struct.pack(">I4s", 4, b"moof"), struct.pack(">I4s", 8, b"moov")],
    ids=["huge", "tiny", "empty"],
)
def test_impossible_boxes_are_refused(hostile: bytes) -> None:
    with pytest.raises(ProtocolError):
        FragmentReader().push(hostile)


def test_a_track_that_was_not_announced_is_refused() -> None:
    init, *_ = remux(broadcast(1))
    with pytest.raises(ProtocolError):
        FragmentReader().push(WHOLE[len(init.data) :])
