"""Where the picture of a live stream is fetched."""

from uuid import UUID

from services import broadcasts, relays
from services.broadcasts import Elsewhere, Grant
from services.bus import bus
from services.ids import new_id
from services.media_facts import MediaFacts
from services.transcoding import condition_of
from tests.services.test_broadcasts import granted

FIRST, SECOND = "http://10.0.0.1:8002", "http://10.0.0.2:8002"


def come(grant: Grant, relay_url: str | None, elsewhere: Elsewhere | None = None) -> UUID:
    """An encoder's picture arrives at a relay."""
    here = {"server": "one", "remote_address": "127.0.0.1"}
    return broadcasts.go_live(grant, MediaFacts(), **here, relay_url=relay_url, elsewhere=elsewhere).id


def test_a_picture_is_at_the_relay_that_its_encoder_came_to_last() -> None:
    grant = granted()
    stream_id = come(grant, FIRST)
    assert relays.relay_of(stream_id) == condition_of(stream_id).relay_url == FIRST
    broadcasts.interrupt(stream_id)
    assert relays.relay_of(stream_id) == FIRST
    assert come(grant, SECOND) == stream_id
    assert relays.relay_of(stream_id) == condition_of(stream_id).relay_url == SECOND


def test_a_process_that_names_no_relay_of_its_own_is_at_the_one_of_the_settings() -> None:
    assert relays.relay_of(come(granted(), None)) == bus.settings.relay_url


def test_what_is_not_live_or_comes_elsewhere_is_at_no_relay() -> None:
    stream_id = come(granted(), FIRST)
    broadcasts.end(stream_id, "finished")
    elsewhere = come(granted(), None, Elsewhere("srs", "name"))
    assert [relays.relay_of(found) for found in (stream_id, elsewhere, new_id())] == [None, None, None]
