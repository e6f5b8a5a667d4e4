"""Every job by name and queue: where the processes that ask and the workers that do meet."""

from uuid import UUID

import msgspec

from db.transactions import emit
from services.outbox import OutboxEffect, outbox

#: A live transcode runs for hours; a broker that hands out again what was not acknowledged waits longer.
LONGEST_JOB_S = 13 * 3600


class Job(msgspec.Struct, frozen=True):
    """A named piece of slow work and the queue that carries it."""

    name: str
    queue: str


TRANSCODE_LIVE = Job("media.transcode_live", "transcode")
FINISH_RECORDING = Job("media.finish_recording", "media")
THUMBNAIL = Job("media.thumbnail", "media")
THUMBNAILS_OF_LIVE = Job("media.thumbnails_of_live", "media")
TIDY_LIVE_MEDIA = Job("media.tidy_live", "media")
SETTLE_OPEN_STREAM = Job("media.settle_open_stream", "default")
CLOSE_LIVEKIT_ROOM = Job("media.close_livekit_room", "default")
REAP_LIVEKIT = Job("media.reap_livekit", "default")
MAKE_CLIP = Job("media.clip", "media")
EXPIRE_RECORDINGS = Job("media.expire_recordings", "media")
NOTIFY_FOLLOWERS = Job("notifications.followers", "notifications")
MAIL_NOTIFICATIONS = Job("notifications.mail", "notifications")
TELL_OF_LIKES = Job("notifications.likes", "notifications")
PROCESS_POST_MEDIA = Job("posts.process_media", "media")
TIDY_POST_MEDIA = Job("posts.tidy_media", "media")
SEND_MAIL = Job("mail.send", "notifications")
MAKE_AVATAR = Job("media.avatar", "media")
REENCRYPT = Job("accounts.reencrypt", "default")
PROCESS_WEBHOOK = Job("webhooks.process", "webhooks")
SETTLE_WEBHOOKS = Job("webhooks.settle", "webhooks")
SWEEP_WEBHOOKS = Job("webhooks.sweep", "webhooks")
SWEEP_OUTBOX = Job("outbox.sweep", "default")
REAP_STREAMS = Job("streams.reap", "default")
SAMPLE_VIEWERS = Job("analytics.viewers", "analytics")
ROLL_UP_HOURS = Job("analytics.hourly", "analytics")
ROLL_UP_DAYS = Job("analytics.daily", "analytics")
TIDY_SESSIONS = Job("sessions.tidy", "default")
APPLY_RETENTION = Job("retention.apply", "default")
SWEEP_SANDBOX = Job("payments.sweep_sandbox", "webhooks")
SEND_SANDBOX_WEBHOOKS = Job("payments.send_sandbox_webhooks", "webhooks")
RENEW_SUBSCRIPTIONS = Job("subscriptions.renew", "default")
SYNC_SUBSCRIPTION = Job("subscriptions.sync", "default")
CLOSE_ABANDONED = Job("money.close_abandoned", "default")
RECONCILE = Job("money.reconcile", "default")


def enqueue(job: Job, **arguments: UUID | str | int | None) -> None:
    """Ask for `job` once the transaction commits (at once where none is open).

    The wish is a row of the outbox in the same transaction, so that it survives a broker that
    is away; the job may then be run twice, and must bear that.
    """
    plain = {name: str(value) if isinstance(value, UUID) else value for name, value in arguments.items()}
    emit(OutboxEffect(kind="job", name=job.name, payload={"queue": job.queue, "arguments": plain}), outbox)
