"""Models and schema agree, and it would be noticed if they did not."""

import pytest

from db import drift
from db.connection import query

pytestmark = pytest.mark.usefixtures("db")


def test_models_and_schema_agree() -> None:
    assert drift.differences() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE users RENAME COLUMN bio TO biography", "users.bio: there is no such column"),
        ("ALTER TABLE users ALTER bio DROP NOT NULL", "users.bio: may be null, which the model denies"),
        ("ALTER TABLE gifts RENAME TO presents", "gifts: there is no such table"),
    ],
)
def test_a_difference_is_said_in_one_line(change: str, said: str) -> None:
    query("SET ROLE NONE")
    query(change)
    assert said in drift.differences()
