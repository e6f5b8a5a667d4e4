"""Letters over real SMTP connections, and into the folder that stands in for a server."""

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from services.gateways.mail import FolderMailer, Letter, MailAway, MailRefused, SmtpMailer
from tests.smtp import PASSWORD, USER, Mailbox, authenticator, smtp_server, tls_pair

SENDER = "AstroTV <no-reply@astro.example>"
LETTER = Letter(id="code-1", to="mira@example.com", subject="Grüße", text="Hello Mira,\n\nthis is 123456.\n")


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


def test_a_letter_arrives_as_it_was_written() -> None:
    box = Mailbox()
    with smtp_server(box) as address:
        SmtpMailer(f"smtp://{address}", SENDER).send(LETTER)
    (letter,) = box.letters
    assert (letter["To"], letter["From"], letter["Subject"]) == ("mira@example.com", SENDER, "Grüße")
    assert letter["Message-ID"] == "<code-1@astro.example>"
    assert letter.get_content().replace("\r\n", "\n") == LETTER.text


def test_tls_is_taken_where_it_is_offered_and_the_password_said_over_it(tmp_path: Path) -> None:
    box, (server, client) = Mailbox(), tls_pair(tmp_path)
    with smtp_server(box, tls_context=server, authenticator=authenticator(), auth_required=True) as address:
        SmtpMailer(f"smtp://{USER}:{quote(PASSWORD)}@{address}", SENDER, client).send(LETTER)
    assert (box.over_tls, box.signed_in) == ([True], [True])


def test_a_server_that_cannot_prove_itself_gets_no_letter(tmp_path: Path) -> None:
    box, (server, _) = Mailbox(), tls_pair(tmp_path)
    with smtp_server(box, tls_context=server) as address, pytest.raises(MailAway, match="CERTIFICATE"):
        SmtpMailer(f"smtp://{address}", SENDER).send(LETTER)
    assert box.letters == []


def test_tls_that_is_insisted_on_and_not_offered_refuses() -> None:
    box = Mailbox()
    with smtp_server(box) as address, pytest.raises(MailRefused):
        SmtpMailer(f"smtp+starttls://{address}", SENDER).send(LETTER)
    assert box.letters == []


def test_a_password_is_not_said_in_clear_to_another_machine() -> None:
    box = Mailbox()
    with smtp_server(box, "127.0.0.2", authenticator=authenticator(), auth_require_tls=False) as address:
        mailer = SmtpMailer(f"smtp://{USER}:{quote(PASSWORD)}@{address}", SENDER)
        with pytest.raises(MailRefused, match="no TLS"):
            mailer.send(LETTER)
    assert box.letters == []


@pytest.mark.parametrize(
    ("answer", "refusal"), [("451 later", MailAway), ("452 full", MailAway), ("550 no such user", MailRefused)]
)
def test_a_refusal_for_now_and_one_for_good_are_told_apart(answer: str, refusal: type[Exception]) -> None:
    with smtp_server(Mailbox(answer)) as address, pytest.raises(refusal, match=answer[:3]):
        SmtpMailer(f"smtp://{address}", SENDER).send(LETTER)


@pytest.mark.parametrize(
    "greeting", [b"554 nobody gets mail here\r\n", b"421 busy\r\n", b"\x00\xff\xfe\r\n", b"", b"250\r\n"]
)
def test_what_a_server_refuses_before_it_saw_the_letter_is_tried_again(greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        greeter = threading.Thread(target=_greet, args=(listener, greeting))
        greeter.start()
        with pytest.raises(MailAway):
            SmtpMailer(f"smtp://127.0.0.1:{listener.getsockname()[1]}", SENDER).send(LETTER)
        greeter.join()


def _greet(listener: socket.socket, greeting: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(greeting)


def test_a_server_that_is_not_there_is_away() -> None:
    with smtp_server(Mailbox()) as address:
        gone = address
    with pytest.raises(MailAway):
        SmtpMailer(f"smtp://{gone}", SENDER).send(LETTER)


@pytest.mark.parametrize("field", ["to", "subject"])
def test_a_line_break_never_becomes_another_header(field: str, tmp_path: Path) -> None:
    hostile = {"id": "1", "to": "a@example.com", "subject": "s", "text": ""} | {field: "x\r\nBcc: all@example.com"}
    with pytest.raises(MailRefused):
        FolderMailer(tmp_path, SENDER).send(Letter(**hostile))
    assert list(tmp_path.iterdir()) == []


def test_without_a_server_letters_are_files_for_their_owner_alone(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path / "mail", SENDER)
    for number in range(3):
        mailer.send(Letter(id=str(number), to="../../mira@example.com", subject=str(number), text="."))
    paths = sorted((tmp_path / "mail").iterdir())
    assert [path.suffix for path in paths] == [".eml"] * 3
    assert [f"Subject: {number}" in path.read_text() for number, path in enumerate(paths)] == [True] * 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
