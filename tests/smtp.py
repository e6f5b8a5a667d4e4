"""A real SMTP server in a thread of its own, with a mailbox that tests read."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "astro", "p@ss:word"


class Mailbox:
    """What has arrived; `answer` is what the server says to a recipient."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.letters: list[EmailMessage] = []
        self.over_tls: list[bool] = []
        self.signed_in: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        assert isinstance(envelope.content, bytes)
        self.letters.append(BytesParser(policy=default).parsebytes(envelope.content))
        self.over_tls.append(session.ssl is not None)
        self.signed_in.append(bool(session.authenticated))
        return "250 OK"


class _AnyPort(Controller):
    """A controller on a port of the system's choice."""

    def _trigger_server(self) -> None:
        sockets: Any = self.server
        self.port = sockets.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def smtp_server(mailbox: Mailbox, host: str = "127.0.0.1", **options: Any) -> Iterator[str]:
    """Run a server that delivers to the mailbox; yields `host:port`."""
    controller = _AnyPort(mailbox, hostname=host, port=0, server_hostname="mail.example.com", **options)
    controller.start()
    try:
        yield f"{host}:{controller.port}"
    finally:
        controller.stop()


def authenticator() -> Callable[..., AuthResult]:
    """Lets USER in with PASSWORD."""

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, said: Any) -> AuthResult:
        right = isinstance(said, LoginPassword) and (said.login, said.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right)

    return check


def tls_pair(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server and a client need to trust each other: a certificate for 127.0.0.1, made on the spot."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.com")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
