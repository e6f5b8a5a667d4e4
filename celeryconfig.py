"""Celery's configuration: broker, routing, limits and schedules; read by every process that asks or works."""

import os
import sys

from celery.schedules import crontab
from kombu import Queue

from services.jobs import LONGEST_JOB_S
from settings import SettingsError, load

try:
    _settings = load(os.environ)
except SettingsError as error:
    sys.exit(f"celery: {error}")

HOUR_S, DAY_S = 3600, 24 * 3600


def _kombu(url: str) -> str:
    return url.replace("unix://", "redis+socket://", 1)


broker_url = _kombu(_settings.celery_broker_url)
broker_connection_retry_on_startup = True
broker_transport_options = {
    "visibility_timeout": LONGEST_JOB_S + HOUR_S,
    "socket_timeout": 30,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 25,
}

accept_content = ["json"]
task_serializer = "json"
task_ignore_result = True
task_acks_late = True
task_reject_on_worker_lost = True
task_track_started = True
task_default_queue = "default"
task_queues = [Queue(name) for name in ("webhooks", "notifications", "transcode", "media", "analytics", "default")]
task_create_missing_queues = False
task_soft_time_limit = 240
task_time_limit = 300
task_send_sent_event = True
worker_send_task_events = True
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_cancel_long_running_tasks_on_connection_loss = False
timezone = "UTC"
enable_utc = True

beat_scheduler = "workers.beat:SteadyScheduler"
beat_schedule_filename = str(_settings.data_dir / "beat-schedule")
beat_schedule = {
    name: {"task": name, "schedule": every_s, "options": {"queue": queue, "expires": every_s * 2}}
    for name, queue, every_s in (
        ("outbox.sweep", "default", 5),
        ("webhooks.sweep", "webhooks", 3),
        ("payments.sweep_sandbox", "webhooks", 30),
        ("streams.reap", "default", 10),
        ("analytics.viewers", "analytics", 15),
        ("analytics.hourly", "analytics", 300),
        ("media.thumbnails_of_live", "media", 30),
        ("media.tidy_live", "media", HOUR_S),
        ("media.expire_recordings", "media", HOUR_S),
        ("media.reap_livekit", "default", 60),
        ("notifications.likes", "notifications", 60),
        ("sessions.tidy", "default", HOUR_S),
        ("subscriptions.renew", "default", 300),
        ("money.close_abandoned", "default", HOUR_S),
    )
}
#: Once a day at a time of day (UTC): a beat that lost its file, or is started anew each day, still keeps them.
beat_schedule |= {
    name: {"task": name, "schedule": crontab(minute, hour), "options": {"queue": queue, "expires": 2 * DAY_S}}
    for name, queue, hour, minute in (
        ("analytics.daily", "analytics", 0, 20),
        ("retention.apply", "default", 2, 10),
        ("money.reconcile", "default", 3, 10),
        ("accounts.reencrypt", "default", 4, 10),
    )
}
