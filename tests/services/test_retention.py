"""Retention: what is old goes in small batches, what is young or pinned stays, and sums are not made smaller by it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from db.connection import connection, query
from db.models.auth_sessions import AuthSession, SpentRefreshToken
from db.models.idempotency_keys import IdempotencyKey
from db.models.outbox import DeadLetter
from services import analytics_rollups, batches, clock, dead_letters, idempotency, retention, sessions
from services.actors import Role
from services.bus import bus
from services.ids import new_id
from settings import Settings, SettingsError, load
from tests.factories import make_channel, make_stream, make_user
from tests.fakes import FakeJobs
from tests.viewership import said, watched

DAY = timedelta(days=1)
NOW = clock.now().replace(hour=12, minute=0, second=0, microsecond=0)

Configure = Callable[..., None]


@pytest.fixture
def configured(request: pytest.FixtureRequest) -> Iterator[Configure]:
    """Sets days of retention for the test."""
    if "committed_db" not in request.fixturenames:
        request.getfixturevalue("db")
    before = bus.settings

    def configure(**days: int) -> None:
        bus.settings = msgspec.structs.replace(
            bus.settings, **{f"{name}_retention_days": n for name, n in days.items()}
        )

    configure(chat=0, metrics=0, notification=0, webhook=0)
    yield configure
    bus.settings = before


def id_of(at: datetime) -> UUID:
    """An id as it would have been made then."""
    fresh = new_id()
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (fresh.int & (1 << 80) - 1))


def rows(table: str) -> int:
    [(count,)] = query(f"SELECT count(*) FROM {table}")
    return int(count)


def counted() -> None:
    """Let the analytics of all days be counted."""
    with clock.frozen(NOW):
        analytics_rollups.roll_up_days()


def applied() -> dict[str, int]:
    with clock.frozen(NOW):
        return {name: count for name, count in retention.apply().items() if count}


def age_messages() -> None:
    """Give messages the ids that they would have had at their time."""
    query("SET LOCAL ROLE NONE")
    for old, at in query("SELECT id, created_at FROM messages"):
        query("UPDATE messages SET id = %s WHERE id = %s", (id_of(at), old))
    query("SET LOCAL ROLE astrotv_app")


def test_old_messages_go_young_and_pinned_ones_stay(configured: Configure) -> None:
    channel, author = make_channel(make_user(role=Role.STREAMER)), make_user()
    for age in (40, 31, 29, 1):
        said(channel, author, NOW - age * DAY)
    age_messages()
    query("UPDATE messages SET is_pinned = true WHERE created_at < %s", (NOW - 35 * DAY,))
    counted()
    configured(chat=30)
    assert applied() == {"messages": 1}
    assert [row[0] for row in query("SELECT seq FROM messages ORDER BY seq")] == [1, 3, 4]
    assert applied() == {}, "a second run finds nothing"


def test_without_a_limit_everything_is_kept(configured: Configure) -> None:
    channel, author = make_channel(), make_user()
    said(channel, author, NOW - 60 * DAY)
    age_messages()
    counted()
    assert applied() == {}


def test_what_analytics_have_not_counted_yet_stays(configured: Configure) -> None:
    said(make_channel(), make_user(), NOW - 100 * DAY)
    age_messages()
    configured(chat=30)
    assert applied() == {}
    counted()
    assert applied() == {"messages": 1}


def test_sums_of_days_whose_rows_are_gone_are_never_counted_anew(configured: Configure) -> None:
    channel, author = make_channel(make_user(role=Role.STREAMER)), make_user()
    for age in (40, 20, 3):
        since = NOW - age * DAY
        stream = make_stream(channel, status="ENDED", started_at=since, ended_at=since + timedelta(hours=1))
        said(channel, author, since + timedelta(minutes=5))
        watched(stream, since + timedelta(minutes=5), 7, 7)
    age_messages()
    counted()
    sums = {table: query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("analytics_hourly", "analytics_daily")}
    assert len(sums["analytics_daily"]) == 3
    configured(chat=8, metrics=8)
    assert applied() == {"messages": 2, "stream_metrics_minute": 2}
    query("DELETE FROM analytics_progress")  # as a migration does that wants everything counted anew
    counted()
    assert {table: query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in sums} == sums


def test_a_week_is_always_there_to_be_counted_anew(configured: Configure) -> None:
    configured(chat=8, metrics=8)
    counted()
    applied()
    gone = retention.gone_before()
    assert gone is not None
    with clock.frozen(NOW):
        assert gone <= analytics_rollups.day_of(NOW) - analytics_rollups.DAYS_RECOUNTED


def test_old_notifications_and_dead_letters_go(configured: Configure) -> None:
    user = make_user()
    for age in (200, 10):
        at = NOW - age * DAY
        query(
            "INSERT INTO notifications (id, user_id, kind, title, created_at) VALUES (%s, %s, 'FOLLOW', 'Hello', %s)",
            (id_of(at), user.id, at),
        )
        dead_letters.record(f"job-{age}", {}, "broken", 1)
        DeadLetter.update(created_at=at).where(DeadLetter.job == f"job-{age}").execute()
    configured(notification=180)
    assert applied() == {"notifications": 1, "dead_letters": 1}
    assert (rows("notifications"), rows("dead_letters")) == (1, 1)


def test_what_a_provider_sent_is_forgotten_but_not_that_it_came(configured: Configure) -> None:
    for number, (age, state) in enumerate(((100, "PROCESSED"), (100, "IGNORED"), (100, "FAILED"), (1, "PROCESSED"))):
        at = NOW - age * DAY
        settled = at if state in ("PROCESSED", "IGNORED") else None
        query(
            """INSERT INTO webhook_events
               (id, provider, event_id, kind, payload, state, next_attempt_at, received_at, processed_at)
               VALUES (%s, 'stripe', %s, 'x', 'words', %s, %s, %s, %s)""",
            (id_of(at), f"evt_{number}", state, at, at, settled),
        )
    configured(webhook=90)
    assert applied() == {"webhook_bodies": 2}
    assert query("SELECT event_id, payload FROM webhook_events ORDER BY event_id") == [
        ("evt_0", ""),
        ("evt_1", ""),
        ("evt_2", "words"),
        ("evt_3", "words"),
    ]


def old_notifications(how_many: int) -> None:
    query(
        """INSERT INTO notifications (id, user_id, kind, title, created_at)
           SELECT ('00' || substr(gen_random_uuid()::text, 3))::uuid, %s, 'FOLLOW', 'Hello', %s
           FROM generate_series(1, %s)""",
        (make_user().id, NOW - 400 * DAY, how_many),
    )


def test_many_go_in_batches_and_the_rest_is_asked_for(configured: Configure, jobs: FakeJobs) -> None:
    configured(notification=180)
    limit = batches.ROWS * batches.MOST_BATCHES
    old_notifications(limit + 10)
    assert applied() == {"notifications": limit}
    assert len(jobs.named("retention.apply")) == 1
    assert applied() == {"notifications": 10}
    assert len(jobs.named("retention.apply")) == 1


def test_two_at_once_share_the_work(committed_db: Settings, configured: Configure) -> None:
    configured(notification=180)
    old_notifications(3 * batches.ROWS)

    def run(_: int) -> int:
        with connection(), clock.frozen(NOW):
            return retention.apply()["notifications"]

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(run, range(4)))
    assert sum(shares) + applied().get("notifications", 0) == 3 * batches.ROWS
    assert rows("notifications") == 0


def test_spent_tokens_go_with_the_time_in_which_they_were_good(configured: Configure) -> None:
    session = AuthSession.create(user=make_user().id, refresh_token_hash=b"now", expires_at=NOW + DAY)
    long_dead = AuthSession.create(user=make_user().id, refresh_token_hash=b"then", expires_at=NOW - 31 * DAY)
    good_for = timedelta(seconds=bus.settings.jwt_refresh_expires_in_s)
    for token, spent_at in ((b"old", NOW - good_for - DAY), (b"new", NOW - good_for + DAY)):
        SpentRefreshToken.create(token_hash=token, session=session.id, spent_at=spent_at)
    with clock.frozen(NOW):
        assert sessions.tidy() == 1
    assert [bytes(row.token_hash) for row in SpentRefreshToken.select()] == [b"new"]
    assert AuthSession.get_or_none(AuthSession.id == long_dead.id) is None


def test_idempotency_keys_go_after_a_day(configured: Configure) -> None:
    user = make_user()
    for key, age in (("old", 1.1), ("young", 0.9)):
        IdempotencyKey.create(user=user.id, key=key, fingerprint=b"x", created_at=NOW - age * DAY)
    with clock.frozen(NOW):
        assert idempotency.tidy() == 1
    assert [row.key for row in IdempotencyKey.select()] == ["young"]


@pytest.mark.parametrize("name", ["CHAT_RETENTION_DAYS", "METRICS_RETENTION_DAYS"])
def test_less_than_what_is_counted_anew_is_refused(name: str) -> None:
    stores = {"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x"}
    with pytest.raises(SettingsError, match=f"{name}: must be 0"):
        load(stores | secrets() | {name: "7"})
    load(stores | secrets() | {name: "8"})


def secrets() -> dict[str, str]:
    names = ("JWT_SECRET", "STREAM_KEY_SECRET", "INGEST_SECRET", "PLAYBACK_SECRET", "STRIPE_WEBHOOK_SECRET")
    return {name: "0123456789abcdefghijABCDEFGHIJ_-" + name for name in names}
