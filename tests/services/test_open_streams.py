"""The marks of open streams follow the database, whoever writes last."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from db.models.streams import Stream
from services import open_streams, playback_tokens
from services.bus import bus
from tests.factories import make_stream


@pytest.fixture(autouse=True)
def folder(_database: None, tmp_path: Path) -> Iterator[Path]:
    before = bus.settings
    bus.settings = msgspec.structs.replace(before, hls_path=tmp_path)
    yield tmp_path
    bus.settings = before


def test_a_lost_mark_is_made_again_when_it_is_missed() -> None:
    stream = make_stream()
    assert not open_streams.is_open(stream.id)
    assert open_streams.may_fetch_openly(stream.id)
    assert open_streams.is_open(stream.id)


def test_a_mark_that_was_left_behind_goes() -> None:
    stream = make_stream()
    open_streams.settle(stream.id)
    Stream.update(visibility="SUBSCRIBERS").where(Stream.id == stream.id).execute()
    assert not open_streams.settle(stream.id)
    assert not open_streams.is_open(stream.id)


def test_a_change_while_the_mark_is_written_has_the_last_word(folder: Path) -> None:
    stream = make_stream()
    looked = iter([True, False, False])
    assert not open_streams.settle(stream.id, is_public=lambda _: next(looked))
    assert not open_streams.is_open(stream.id)


def test_a_full_disk_does_not_close_a_public_stream(folder: Path) -> None:
    (folder / "open").write_text("in the way")
    assert open_streams.may_fetch_openly(make_stream().id)


def test_a_token_that_is_shown_must_be_good_even_for_an_open_stream() -> None:
    stream = make_stream()
    open_streams.settle(stream.id)
    assert open_streams.may_fetch(stream.id, None)
    assert open_streams.may_fetch(stream.id, playback_tokens.sign(stream.id).token)
    assert not open_streams.may_fetch(stream.id, "x")
