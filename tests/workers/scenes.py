"""For every task: something real for it to do, and how to see that it was done once."""

import email
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import requests

from db.connection import query
from db.models.auth_sessions import AuthSession
from db.models.outbox import OutboxRow
from db.models.streams import Recording, Stream
from services import (
    analytics_rollups,
    avatars,
    clips,
    clock,
    financial,
    follows,
    job_metrics,
    likes,
    livekit_rooms,
    notifications,
    posts,
    recordings,
    sandbox_deliveries,
    sessions,
    uploads,
    wallets,
    webhooks,
)
from services.actors import Role
from services.bus import bus
from services.clips import ClipDraft
from services.notification_kinds import Kind
from services.posts import PostDraft
from services.sessions import Device
from services.uploads import ReceivedFile, UploadStatus
from tests.configuring import configured
from tests.factories import actor_of, bearer, make_channel, make_post, make_stream, make_user
from tests.packaged import Broadcast
from tests.payments import make_purchase
from tests.pictures import picture
from tests.services.test_encryption import DETAILS
from tests.services.test_subscription_renewals import BASIC, coins_of, subscribed
from tests.viewership import stream_between, watched
from tests.workers.stage import Scene, Stage

RETENTION_DAYS = 7
LONG_AGO = timedelta(days=400)


def _asked(stage: Stage, job: str) -> dict[str, object]:
    """The arguments with which the services asked for a job just now."""
    return stage.shop.jobs.named(job)[-1].arguments


def _counted(sql: str, *parameters: object) -> int:
    return int(query(sql, parameters)[0][0])


class Paid(NamedTuple):
    """A purchase that was paid for at the provider; we may have heard of it."""

    purchase_id: str
    buyer_id: UUID
    coins: int
    batch_id: str

    def is_credited(self) -> bool:
        """Whether the buyer has the coins, once."""
        return wallets.wallet_of(self.buyer_id).balance == self.coins


def _paid(stage: Stage) -> Paid:
    """Somebody new buys coins; the provider owes us its webhooks, each three times."""
    shop = stage.shop
    shop.buyer = make_user()
    shop.headers = bearer(shop.buyer)
    started = shop.start()
    requests.post(f"{started['checkoutUrl']}/pay", data={"duplicates": "2"}, timeout=10).raise_for_status()
    [(coins,)] = query("SELECT coins FROM coin_purchases WHERE id = %s", (started["purchaseId"],))
    batch = str(_asked(stage, "payments.send_sandbox_webhooks")["batch_id"])
    return Paid(started["purchaseId"], shop.buyer.id, coins, batch)


def _heard(stage: Stage) -> Paid:
    """The same, when the webhooks have arrived and nobody has looked at them."""
    paid = _paid(stage)
    sandbox_deliveries.send(UUID(paid.batch_id))
    return paid


def webhooks_process(stage: Stage) -> Scene:
    paid = _heard(stage)
    about = f"%{paid.purchase_id}%"
    [(event_id,)] = query("SELECT id FROM webhook_events WHERE kind LIKE '%%completed' AND payload LIKE %s", (about,))
    return Scene({"event_id": event_id}, paid.is_credited)


def webhooks_settle(stage: Stage) -> Scene:
    """What a dead worker had begun to settle together is left to the sweeper, which comes seconds later."""
    paid = _heard(stage)

    def holds() -> bool:
        with clock.frozen(clock.now() + timedelta(minutes=5)):
            webhooks.sweep()
            stage.shop.work()
        return paid.is_credited()

    return Scene({}, holds)


def webhooks_sweep(stage: Stage) -> Scene:
    paid = _heard(stage)
    query("UPDATE webhook_events SET received_at = received_at - interval '10 minutes' WHERE state = 'RECEIVED'")
    return Scene({}, paid.is_credited)


def payments_sweep_sandbox(stage: Stage) -> Scene:
    """The provider's webhooks were due a minute ago, and whoever was to send them is gone."""
    paid = _paid(stage)
    late = "UPDATE payment_sandbox_deliveries SET due_at = due_at - interval '1 minute' WHERE batch_id = %s"
    query(late, (paid.batch_id,))

    def holds() -> bool:
        stage.shop.work()
        return paid.is_credited()

    return Scene({}, holds)


def payments_send_sandbox_webhooks(stage: Stage) -> Scene:
    paid = _paid(stage)

    def holds() -> bool:
        stage.shop.work()
        return paid.is_credited()

    return Scene({"batch_id": paid.batch_id}, holds)


def subscriptions_sync(stage: Stage) -> Scene:
    started = stage.shop.subscribe(make_user(role=Role.STREAMER))
    stage.shop.press(started, "pay")
    path = f"{stage.shop.url}/api/subscriptions/{started['id']}"
    requests.delete(path, headers=stage.shop.headers, timeout=10).raise_for_status()
    ending = "SELECT count(*) FROM payment_sandbox_sessions WHERE cancels_at_period_end AND request::text LIKE %s"
    return Scene({"subscription_id": started["id"]}, lambda: _counted(ending, f"%{started['id']}%") == 1)


def subscriptions_renew(_stage: Stage) -> Scene:
    found = subscribed(3 * BASIC, at=clock.now() - timedelta(days=32))
    return Scene({}, lambda: coins_of(found) == 2 * BASIC)


def money_close_abandoned(_stage: Stage) -> Scene:
    found = make_purchase(make_user(), provider="dodo", created_at=clock.now() - timedelta(hours=30))
    status = "SELECT count(*) FROM coin_purchases WHERE status = 'expired' AND id = %s"
    return Scene({}, lambda: _counted(status, found.id) == 1)


def money_reconcile(_stage: Stage) -> Scene:
    return Scene({}, job_metrics.drift)


def media_finish_recording(stage: Stage) -> Scene:
    stream_id = _over(stage)

    def holds() -> bool:
        row = Recording.get(Recording.stream == stream_id)
        kept = bus.settings.hls_path / "recordings" / str(stream_id)
        return row.status == "READY" and (kept / "source.mp4").exists() and not list(kept.rglob("*.part"))

    return Scene({"stream_id": stream_id}, holds)


def _over(_stage: Stage) -> UUID:
    """A stream that has ended, with its folder."""
    stream = make_stream(status="ENDED", started_at=clock.now() - timedelta(minutes=1))
    broadcast = Broadcast(bus.settings.hls_path, stream.id)
    broadcast.record("source", 1)
    broadcast.complete()
    return UUID(str(stream.id))


def _has_picture(stream_id: UUID) -> bool:
    return bool(Stream.get_by_id(stream_id).thumbnail)


def media_thumbnail(_stage: Stage) -> Scene:
    stream_id = make_stream().id
    return Scene({"stream_id": stream_id}, lambda: _has_picture(stream_id))


def media_thumbnails_of_live(_stage: Stage) -> Scene:
    stream_id = make_stream().id
    return Scene({}, lambda: _has_picture(stream_id))


def media_tidy_live(stage: Stage) -> Scene:
    stream_id = _over(stage)
    Recording.create(stream=stream_id, status="READY", updated_at=clock.now() - 2 * recordings.LIVE_FOLDER_KEPT)
    return Scene({}, lambda: not recordings.live_folder(stream_id).exists())


def media_expire_recordings(_stage: Stage) -> Scene:
    at = clock.now() - timedelta(days=RETENTION_DAYS + 1)
    stream = make_stream(status="ENDED", started_at=at)
    kept = bus.settings.hls_path / "recordings" / str(stream.id) / "a.mp4"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"video")
    Recording.create(stream=stream.id, status="READY", hls="/media/a", created_at=at, bytes=5)
    return Scene({}, lambda: not kept.exists() and Recording.get(Recording.stream == stream.id).status == "EXPIRED")


def media_clip(_stage: Stage) -> Scene:
    a_minute_ago = clock.now() - timedelta(minutes=1)
    began = a_minute_ago - timedelta(seconds=8)
    stream = make_stream(started_at=began)
    Broadcast(bus.settings.hls_path, stream.id, began.timestamp()).record("source", 6)
    viewer = actor_of(make_user())
    with clock.frozen(a_minute_ago):
        clip = clips.create_clip(viewer, stream.id, ClipDraft()).clip
    return Scene({"clip_id": clip.id}, lambda: clips.clip(viewer, stream.id, clip.id).status == "READY")


def media_settle_open_stream(_stage: Stage) -> Scene:
    stream_id = make_stream().id
    return Scene({"stream_id": stream_id}, (bus.settings.hls_path / "open" / str(stream_id)).exists)


def media_close_livekit_room(stage: Stage) -> Scene:
    channel = make_channel()
    room = livekit_rooms.room_of(channel.id)
    return Scene({"channel_id": channel.id}, lambda: room in stage.livekit.closed_rooms)


def media_reap_livekit(_stage: Stage) -> Scene:
    stream = make_stream(source_type="LIVEKIT", started_at=clock.now() - timedelta(hours=1))
    return Scene({}, lambda: Stream.get_by_id(stream.id).end_reason == "connection_lost")


def media_avatar(stage: Stage) -> Scene:
    actor = actor_of(make_user())
    upload = avatars.upload_avatar(actor, _file(stage))
    return Scene({"upload_id": upload.id}, lambda: uploads.upload(actor, upload.id).status is UploadStatus.READY)


def _file(stage: Stage) -> ReceivedFile:
    path = stage.folder / "handed-in"
    path.write_bytes(picture())
    return ReceivedFile(path, path.stat().st_size)


def posts_process_media(stage: Stage) -> Scene:
    author = actor_of(make_user())
    post = posts.create_post(author, PostDraft(text="Look"), [_file(stage)])
    asked = _asked(stage, "posts.process_media")
    return Scene(asked, lambda: [one.status for one in posts.post(post.id, author).media] == ["READY"])


def posts_tidy_media(stage: Stage) -> Scene:
    author = actor_of(make_user())
    post = posts.create_post(author, PostDraft(text="Look"), [_file(stage)])
    kept = f"*/{post.id}/*"
    assert list(bus.settings.hls_path.rglob(kept))
    posts.delete_post(author, post.id)
    return Scene({"post_id": post.id}, lambda: not list(bus.settings.hls_path.rglob(kept)))


def notifications_followers(_stage: Stage) -> Scene:
    streamer, fans = make_user(role=Role.STREAMER), [make_user() for _ in range(3)]
    stream = make_stream(make_channel(streamer))
    for fan in fans:
        follows.follow(actor_of(fan), streamer.id)
    told = "SELECT count(*) FROM notifications WHERE kind = 'stream_started' AND user_id = %s"
    return Scene({"stream_id": stream.id}, lambda: [_counted(told, fan.id) for fan in fans] == [1, 1, 1])


def notifications_likes(_stage: Stage) -> Scene:
    author = make_user()
    likes.toggle_post_like(actor_of(make_user()), make_post(author).id)
    told = "SELECT count(*) FROM notifications WHERE kind = 'likes' AND user_id = %s"
    return Scene({}, lambda: _counted(told, author.id) == 1)


def notifications_mail(stage: Stage) -> Scene:
    person = make_user()
    notifications.notify(person.id, Kind.PAYMENT, "Paid")
    return Scene(_asked(stage, "notifications.mail"), lambda: _letters_to(str(person.email)) == 1)


def mail_send(_stage: Stage) -> Scene:
    person = make_user()
    return Scene({"kind": "password_changed", "about": person.id}, lambda: _letters_to(str(person.email)) == 1)


def _letters_to(address: str) -> int:
    """How many letters somebody has: two with the same id are one to every mail program."""
    found = [email.message_from_bytes(path.read_bytes()) for path in (bus.settings.data_dir / "mail").glob("*.eml")]
    return len({letter["Message-ID"] for letter in found if address in letter["To"]})


def accounts_reencrypt(stage: Stage) -> Scene:
    actor = actor_of(make_user())
    financial.keep_details(actor, DETAILS)

    def holds() -> bool:
        with configured(encryption_keys=stage.keys[:1]):
            return financial.own_details(actor).last4 == "3000"

    return Scene({}, holds)


def outbox_sweep(_stage: Stage) -> Scene:
    stream_id = make_stream().id
    wish = {"queue": "default", "arguments": {"stream_id": str(stream_id)}}
    row = OutboxRow.create(
        kind="job", name="media.settle_open_stream", payload=wish, created_at=clock.now() - timedelta(minutes=1)
    )
    opened = bus.settings.hls_path / "open" / str(stream_id)
    left = "SELECT count(*) FROM outbox WHERE id = %s"
    return Scene({}, lambda: opened.exists() and _counted(left, row.id) == 0)


def streams_reap(_stage: Stage) -> Scene:
    stream = make_stream(interrupted_at=clock.now() - timedelta(hours=1))
    ended = "SELECT count(*) FROM streams WHERE id = %s AND status = 'ENDED' AND end_reason = 'server_restart'"
    return Scene({}, lambda: _counted(ended, stream.id) == 1)


def analytics_viewers(_stage: Stage) -> Scene:
    stream = make_stream()
    rows = "SELECT count(*) FROM stream_metrics_minute WHERE stream_id = %s AND samples BETWEEN 1 AND 4"
    return Scene({}, lambda: _counted(rows, stream.id) > 0)


def _watched() -> str:
    """Somebody whom three people watched for a minute, the day before yesterday."""
    channel, at = make_channel(), clock.now() - timedelta(days=2)
    watched(stream_between(channel, at, at + timedelta(minutes=5)), at.replace(second=0, microsecond=0), 3)
    return str(channel.user_id)


def analytics_hourly(_stage: Stage) -> Scene:
    streamer = _watched()
    return Scene({}, lambda: _rolled("analytics_hourly", streamer, analytics_rollups.roll_up_hours))


def analytics_daily(_stage: Stage) -> Scene:
    streamer = _watched()
    return Scene({}, lambda: _rolled("analytics_daily", streamer, analytics_rollups.roll_up_days))


def _rolled(table: str, streamer: str, again: Callable[[], object]) -> bool:
    """Whether what was counted is what one more count finds."""
    rows = f"SELECT * FROM {table} WHERE streamer_id = %s"
    before = query(rows, (streamer,))
    again()
    return bool(before) and query(rows, (streamer,)) == before


def sessions_tidy(_stage: Stage) -> Scene:
    person = make_user()
    with clock.frozen(clock.now() - LONG_AGO):
        sessions.open_session(person.id, Device())
    return Scene({}, lambda: not AuthSession.select().where(AuthSession.user == person.id).exists())


def retention_apply(_stage: Stage) -> Scene:
    person = make_user()
    row = "INSERT INTO notifications (id, user_id, kind, title, created_at) VALUES (%s, %s, 'likes', 'Old', %s)"
    query(row, (UUID(int=1), person.id, clock.now() - LONG_AGO))  # an id is made of its time
    return Scene({}, lambda: _counted("SELECT count(*) FROM notifications WHERE user_id = %s", person.id) == 0)


SCENES: Mapping[str, Callable[[Stage], Scene]] = {
    name.replace("_", ".", 1): scene
    for name, scene in list(globals().items())
    if callable(scene) and getattr(scene, "__annotations__", {}).get("return") is Scene and not name.startswith("_")
}

#: Played elsewhere, with everything that belongs to them: the test's module and name.
ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "media.transcode_live": ("tests.workers.test_media", "test_another_worker_goes_on_within_five_seconds"),
}
