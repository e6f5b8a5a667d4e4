"""Mail: handed to an SMTP server, or written into a folder where none is set."""

import os
import re
import smtplib
import socket
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
import structlog

from settings import Settings

log = structlog.get_logger(__name__)

FOLDER = "mail"
TIMEOUT_S = 15.0
MOST_SAID = 300
DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class MailAway(Exception):
    """The server cannot take the letter now; it may later."""


class MailRefused(Exception):
    """The server will never take the letter."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter in plain text; `id` stays the same however often the letter is sent."""

    id: str
    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Takes letters; raises MailAway or MailRefused."""

    def send(self, letter: Letter) -> None: ...


def open_mailer(settings: Settings) -> Mailer:
    """The SMTP server that SMTP_URL names; without one, the folder `mail` of the data folder."""
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, settings.mail_from)
    return FolderMailer(settings.data_dir / FOLDER, settings.mail_from)


def as_message(letter: Letter, sender: str) -> EmailMessage:
    """The letter as RFC 5322 has it; raises MailRefused for a header that would hold a line break."""
    message = EmailMessage(policy=SMTP)
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    try:
        message["From"] = sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{letter.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence should answer this
    except ValueError as error:
        raise MailRefused(f"the letter cannot be addressed: {error}") from error
    message.set_content(letter.text)
    return message


class FolderMailer:
    """Letters as `.eml` files, readable by their owner alone, named so that they sort by time."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder, self._sender = folder, sender

    def send(self, letter: Letter) -> None:
        message = as_message(letter, self._sender)
        path = self._folder / f"{_stamp()}-{_plain(letter.to)}-{_plain(letter.id)}.eml"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, message.as_bytes())
        except OSError as error:
            raise MailAway(f"{path} cannot be written: {error.strerror}") from error
        log.info("mail_written", path=str(path))


class SmtpMailer:
    """Letters through an SMTP server (RFC 5321).

    `smtp://` takes TLS where the server offers it, `smtp+starttls://` insists on it (RFC 3207),
    `smtps://` begins with it (RFC 8314). A password is only ever said over TLS, or to this machine.
    """

    def __init__(self, url: str, sender: str, tls: ssl.SSLContext | None = None) -> None:
        self._url: SplitResult = urlsplit(url)
        self._sender = sender
        self._tls = tls or ssl.create_default_context()

    def send(self, letter: Letter) -> None:
        message = as_message(letter, self._sender)
        try:
            with self._ready() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            raise _refusal(code, reply) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(str(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailAway(f"{type(error).__name__}: {error}") from error
        log.info("mail_sent", letter=letter.id)

    def _ready(self) -> smtplib.SMTP:
        """A server that waits for a letter; what it refuses before it has seen one is not the letter's fault."""
        try:
            return self._signed_in(self._connected())
        except smtplib.SMTPResponseException as error:
            raise MailAway(f"{error.smtp_code} {_text(error.smtp_error)}"[:MOST_SAID]) from error

    def _connected(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "localhost", self._url.port or DEFAULT_PORTS[self._url.scheme]
        if self._url.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, socket.getfqdn(), timeout=TIMEOUT_S, context=self._tls)
        server = smtplib.SMTP(host, port, socket.getfqdn(), timeout=TIMEOUT_S)
        try:
            server.ehlo()
            if self._url.scheme == "smtp+starttls" or server.has_extn("starttls"):
                server.starttls(context=self._tls)
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
        return server

    def _signed_in(self, server: smtplib.SMTP) -> smtplib.SMTP:
        try:
            if self._url.username:
                self._sign_in(server, self._url.username)
        except BaseException:
            server.close()
            raise
        return server

    def _sign_in(self, server: smtplib.SMTP, username: str) -> None:
        if not isinstance(server.sock, ssl.SSLSocket) and self._url.hostname not in LOOPBACK:
            raise MailRefused("SMTP_URL has a password, and the server offers no TLS")
        server.login(unquote(username), unquote(self._url.password or ""))


def _refusal(code: int, reply: bytes | str) -> Exception:
    """A refusal of the 5yz kind is for good (RFC 5321, 4.2.1); one of the 4yz kind, or of no kind, may pass."""
    kind = MailRefused if 500 <= code < 600 else MailAway
    return kind(f"{code} {_text(reply)}"[:MOST_SAID])


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9@._+-]", "_", text)[:80].lstrip(".")
