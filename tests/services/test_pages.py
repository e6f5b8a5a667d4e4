"""Cursors: what comes back is what went out, and nothing that the database could not compare."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.errors import Invalid
from services.ids import new_id
from services.pages import Count, decode_cursor, encode_cursor


def spelled(*key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def test_a_cursor_of_ours_says_its_key() -> None:
    key = (datetime(2026, 1, 1, tzinfo=UTC), 5, new_id())
    assert decode_cursor(encode_cursor(*key), tuple[datetime, int, UUID]) == key


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        (tuple[int], 2**63), (tuple[int], -(10**30)), (tuple[Count], 2**31), (tuple[Count], -1), (tuple[int], 1.5),
        (tuple[datetime], "0001-01-01T00:00:00+23:59"), (tuple[datetime], "9999-12-31T23:59:59-23:59"),
        (tuple[UUID], "a\x00"), (tuple[UUID], None), (tuple[bool], 1),
    ],
)  # fmt: skip
def test_a_part_that_no_column_could_be_compared_with_is_refused(shape: Any, part: Any) -> None:
    with pytest.raises(Invalid) as refused:
        decode_cursor(spelled(part), shape)
    assert refused.value.code == "bad_cursor"


def test_a_time_far_from_utc_is_the_same_moment_in_utc() -> None:
    (at,) = decode_cursor(spelled("2026-01-02T00:00:00+23:59"), tuple[datetime])
    assert at.isoformat() == "2026-01-01T00:01:00+00:00"
