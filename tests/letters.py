"""Letters that the jobs of a test would send, sent, and read from the folder where they end up."""

import re
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from uuid import UUID

from services import mail
from services.bus import bus
from services.gateways.mail import FOLDER
from tests.fakes import FakeJobs


def send_letters(jobs: FakeJobs) -> list[EmailMessage]:
    """Do every mail job that was sent, as a worker does; returns the letters written, oldest first."""
    folder = bus.settings.data_dir / FOLDER
    for old in folder.glob("*.eml"):
        old.unlink()
    for message in jobs.named("mail.send"):
        mail.send(str(message.arguments["kind"]), UUID(str(message.arguments["about"])))
        jobs.sent.remove(message)
    return [_read(path.read_bytes()) for path in sorted(folder.glob("*.eml"))]


def code_in(letter: EmailMessage) -> str:
    """The one code that a letter says."""
    (code,) = re.findall(r"\b\d{6}\b", letter.get_content())
    return str(code)


def _read(content: bytes) -> EmailMessage:
    return BytesParser(policy=default).parsebytes(content)
