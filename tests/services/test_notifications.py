"""Telling people: whom, by which channel, and never twice."""

from collections import Counter
from typing import Any
from uuid import UUID

import msgspec
import peewee
import psycopg2
import pytest
import redis

from db.connection import connection, database, query
from db.models.users import User
from db.transactions import atomic
from services import clock, comments, follows, notification_mail, notification_preferences, notifications
from services.actors import Role
from services.bus import bus
from services.comments import CommentDraft
from services.errors import Unavailable
from services.ids import new_id
from services.notification_kinds import Kind
from services.notification_preferences import ChannelsPatch, PreferencesPatch
from services.topics import user_topic
from settings import Settings
from tests.factories import actor_of, make_channel, make_post, make_stream, make_user
from tests.fakes import FakeJobs
from tests.hearing import said

JOB = "notifications.followers"


def prefer(user: User, kind: Kind, **channels: bool) -> None:
    patch = PreferencesPatch(preferences={kind: ChannelsPatch(**channels)})
    notification_preferences.change_preferences(actor_of(user), patch)


def kinds_of(user: User) -> list[str]:
    return [one.kind for one in notifications.notifications_of(actor_of(user), 20, None).items]


def test_a_follower_is_told_of_once_however_often_they_come_back() -> None:
    streamer, fan = make_user(), make_user()
    for _ in range(3):
        follows.toggle_follow(actor_of(fan), streamer.id)
    assert kinds_of(streamer) == ["new_follower"]


def test_a_comment_tells_the_author_and_a_reply_whom_it_answers() -> None:
    author, guest = make_user(), make_user()
    post = make_post(author)
    first = comments.add_comment(actor_of(guest), CommentDraft(post_id=post.id, text="Hi"))
    assert kinds_of(author) == ["comment"]
    comments.add_comment(actor_of(author), CommentDraft(post_id=post.id, text="Hello", parent_id=first.id))
    assert (kinds_of(guest), kinds_of(author)) == (["reply"], ["comment"])


def test_what_is_pushed_says_what_the_list_says(jobs: FakeJobs, redis_client: "redis.Redis") -> None:
    user = make_user()
    heard = redis_client.pubsub()
    heard.subscribe(user_topic(user.id))
    notifications.notify(user.id, Kind.PAYMENT, "Coins received", "500 coins", {"coins": 500})
    [pushed] = said(heard)
    event = msgspec.json.decode(pushed.body)
    (listed,) = msgspec.to_builtins(notifications.notifications_of(actor_of(user), 20, None).items)
    assert event.pop("type") == "notification"
    assert {**event, "createdAt": None} == {**listed, "createdAt": None}


@pytest.mark.parametrize("channel", ["in_app", "push", "mail"])
def test_each_channel_is_chosen_by_itself(channel: str, jobs: FakeJobs, redis_client: "redis.Redis") -> None:
    user = make_user()
    prefer(user, Kind.COMMENT, **{name: name == channel for name in ("in_app", "push", "mail")})
    heard = redis_client.pubsub()
    heard.subscribe(user_topic(user.id))
    notifications.notify(user.id, Kind.COMMENT, "Said", cause=new_id())
    assert (kinds_of(user) == ["comment"]) is (channel == "in_app")
    assert len(jobs.named("notifications.mail")) == (channel == "mail")
    assert len(said(heard)) == (channel == "push")


def test_who_wants_nothing_is_not_told_at_all() -> None:
    user = make_user()
    prefer(user, Kind.COMMENT, in_app=False, push=False, mail=False)
    notifications.notify(user.id, Kind.COMMENT, "Said")
    assert query("SELECT count(*) FROM notifications") == [(0,)]


def test_a_letter_goes_out_once(opened: Settings, jobs: FakeJobs) -> None:
    user = make_user()
    prefer(user, Kind.REPLY, mail=True)
    notifications.notify(user.id, Kind.REPLY, "Ana answered your comment", "Thank you!")
    (job,) = jobs.named("notifications.mail")
    before = set((opened.data_dir / "mail").glob("*.eml"))
    [(notification_id,)] = query("SELECT id FROM notifications")
    assert (job.queue, job.arguments) == ("notifications", {"ids": [str(notification_id)]})
    for _ in range(2):
        notification_mail.mail_notifications([notification_id])
    (letter,) = set((opened.data_dir / "mail").glob("*.eml")) - before
    text = letter.read_text()
    assert user.email in text and "Ana answered your comment" in text and "Thank you!" in text


def test_a_letter_waits_where_the_mail_server_is_away(opened: Settings) -> None:
    user = make_user()
    prefer(user, Kind.REPLY, mail=True)
    notifications.notify(user.id, Kind.REPLY, "Said")
    [(notification_id,)] = query("SELECT id FROM notifications")
    bus.settings = msgspec.structs.replace(opened, smtp_url="smtp://127.0.0.1:9")
    try:
        with pytest.raises(Unavailable):
            notification_mail.mail_notifications([notification_id])
    finally:
        bus.settings = opened
    assert query("SELECT mailed_at FROM notifications") == [(None,)]


def crowd(followers: int) -> tuple[UUID, int]:
    """A live stream whose streamer has many followers, made set-wise."""
    streamer = make_user(role=Role.STREAMER)
    stream = make_stream(make_channel(streamer))
    ids = [new_id() for _ in range(followers)]
    query(
        """INSERT INTO users (id, email, username, name, password_hash)
           SELECT id, 'f' || n || '@example.com', 'follower_' || n, 'F', 'x'
           FROM unnest(%s::uuid[]) WITH ORDINALITY AS t (id, n)""",
        (ids,),
    )
    query(
        """INSERT INTO follows (follower_id, following_id, created_at)
           SELECT id, %s, %s FROM unnest(%s::uuid[]) AS t (id)""",
        (streamer.id, clock.now(), ids),
    )
    return stream.id, followers


def run(arguments: dict[str, Any]) -> None:
    """Run one job of the fan-out as its task does."""
    notifications.notify_followers(UUID(arguments["stream_id"]), UUID(arguments["after"]))


def work(jobs: FakeJobs) -> int:
    """Run the jobs of the fan-out until none is left; returns how many there were."""
    done = 0
    while waiting := jobs.named(JOB)[done:]:
        for job in waiting:
            run(job.arguments)
            done += 1
    return done


def test_a_fan_out_runs_in_batches_on_the_queue_of_notifications(committed_db: Settings, jobs: FakeJobs) -> None:
    with connection():
        stream_id, followers = crowd(1100)
        notifications.notify_followers(stream_id)
        assert work(jobs) == 2
        assert {job.queue for job in jobs.named(JOB)} == {"notifications"}
        assert query("SELECT count(*), count(DISTINCT user_id) FROM notifications") == [(followers, followers)]


def test_a_crash_in_the_middle_of_a_fan_out_tells_nobody_twice_and_forgets_nobody(
    committed_db: Settings, jobs: FakeJobs, redis_client: "redis.Redis"
) -> None:
    heard = redis_client.pubsub()
    heard.psubscribe("user:*")
    with connection():
        stream_id, followers = crowd(1100)
        notifications.notify_followers(stream_id)
        (second,) = jobs.named(JOB)
        _die_before_the_commit(committed_db, second.arguments)
        assert query("SELECT count(*) FROM notifications") == [(500,)]
        notifications.notify_followers(stream_id)  # the first batch is handed out again
        run(second.arguments)  # and so is the one that died
        work(jobs)
        assert query("SELECT count(*), count(DISTINCT user_id) FROM notifications") == [(followers, followers)]
        crowd_topics = {user_topic(user_id) for (user_id,) in query("SELECT user_id FROM notifications")}
    pushed = Counter(one.topic for one in said(heard) if one.topic in crowd_topics)
    heard.close()
    assert (len(pushed), set(pushed.values())) == (followers, {1})


def _die_before_the_commit(committed: Settings, arguments: dict[str, Any]) -> None:
    """Run a batch in a transaction whose server process is killed before it can commit."""
    with pytest.raises((peewee.OperationalError, peewee.InterfaceError)), atomic():
        run(arguments)
        _kill(committed, query("SELECT pg_backend_pid()")[0][0])
        query("SELECT 1")
    database.close()


def _kill(committed: Settings, server_process: int) -> None:
    """End a server process, as the owner of the cluster may."""
    connection = psycopg2.connect(committed.database_owner_url)
    try:
        connection.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (server_process,))
    finally:
        connection.close()
