"""Notifications as letters, many a job: each goes out once, whatever becomes of the others."""

from collections.abc import Iterator
from uuid import UUID

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from db.connection import query
from db.transactions import atomic
from services import gathered_jobs, notification_mail, notifications
from services import jobs as every_job
from services.bus import bus
from services.errors import Unavailable
from services.gateways.mail import MailRefused
from services.notification_kinds import Kind
from settings import Settings
from tests.factories import make_user
from tests.fakes import FakeJobs
from tests.smtp import Mailbox, smtp_server


class Choosy(Mailbox):
    """A mailbox that answers one address otherwise than the rest."""

    def __init__(self, address: str, answer: str) -> None:
        super().__init__()
        self.address, self.other_answer = address, answer

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self.address:
            return self.other_answer
        return await super().handle_RCPT(server, session, envelope, address, options)


@pytest.fixture
def told(opened: Settings) -> Iterator[list[UUID]]:
    """Notifications of three people who want letters, in order."""
    for name in ("ana", "ben", "cora"):
        notifications.notify(make_user(email=f"{name}@example.org").id, Kind.PAYMENT, "Coins received")
    yield [notification for (notification,) in query("SELECT id FROM notifications ORDER BY id")]
    bus.settings = opened


def _through(address: str) -> None:
    bus.settings = msgspec.structs.replace(bus.settings, smtp_url=f"smtp://{address}")


def _mailed() -> list[bool]:
    return [is_mailed for (is_mailed,) in query("SELECT mailed_at IS NOT NULL FROM notifications ORDER BY id")]


def test_an_address_that_is_refused_for_good_keeps_no_other_letter_back(told: list[UUID]) -> None:
    mailbox = Choosy("ben@example.org", "550 no such user")
    with smtp_server(mailbox) as address:
        _through(address)
        with pytest.raises(MailRefused, match="550"):
            notification_mail.mail_notifications(told)
    assert [letter["To"] for letter in mailbox.letters] == ["ana@example.org", "cora@example.org"]
    assert _mailed() == [True, False, True]


def test_a_job_that_is_tried_again_sends_only_what_did_not_go_out(told: list[UUID]) -> None:
    mailbox = Choosy("ben@example.org", "451 later")
    with smtp_server(mailbox) as address:
        _through(address)
        with pytest.raises(Unavailable):
            notification_mail.mail_notifications(told)
        mailbox.other_answer = "250 OK"
        mailbox.address = ""
        notification_mail.mail_notifications(told)
    assert [letter["To"] for letter in mailbox.letters] == [f"{name}@example.org" for name in ("ana", "ben", "cora")]
    assert _mailed() == [True] * 3


def test_more_letters_than_one_job_carries_are_several_jobs(jobs: FakeJobs) -> None:
    ids = [UUID(int=number) for number in range(gathered_jobs.MOST_IDS + 1)]
    with atomic():
        for notification_id in ids:
            gathered_jobs.enqueue_with_others(every_job.MAIL_NOTIFICATIONS, notification_id)
        assert jobs.sent == []
    carried = [job.arguments["ids"] for job in jobs.named("notifications.mail")]
    assert [len(some) for some in carried] == [gathered_jobs.MOST_IDS, 1]  # type: ignore[arg-type]
    assert [each for some in carried for each in some] == [str(each) for each in ids]  # type: ignore[attr-defined]
