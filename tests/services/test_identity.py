"""Papers that prove who somebody is: what is handed in is read back, and what cannot be read says why."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from db.models.identity_verifications import IdentityVerification
from db.models.users import User
from services import identity
from services.encryption import CannotOpen
from services.errors import NotFound, Unavailable, WrongType
from services.identity import IdentityStatus
from services.uploads import ReceivedFile
from tests.configuring import configured
from tests.factories import actor_of, make_user

PAPERS = (b"%PDF-1.7 a passport", b"%PDF-1.7 its back")


@pytest.fixture(autouse=True)
def media(tmp_path: Path, opened: object) -> Iterator[Path]:
    with configured(media_storage=f"file:{tmp_path / 'media'}"):
        yield tmp_path / "media"


def received(folder: Path, *contents: bytes) -> list[ReceivedFile]:
    files = []
    for number, content in enumerate(contents):
        path = folder / f"paper{number}"
        path.write_bytes(content)
        files.append(ReceivedFile(path=path, size=len(content)))
    return files


def submitted(folder: Path, contents: Sequence[bytes] = PAPERS) -> User:
    person = make_user()
    identity.submit(actor_of(person), received(folder, *contents))
    return person


def kept(media: Path) -> list[Path]:
    return sorted(path for path in media.rglob("*") if path.is_file())


def test_each_paper_is_read_by_its_number(tmp_path: Path) -> None:
    person = submitted(tmp_path)
    read = [identity.document(person.id, number) for number in (1, 2)]
    assert [(paper.content, paper.content_type) for paper in read] == [(paper, "application/pdf") for paper in PAPERS]
    for number in (-1, 0, 3):
        with pytest.raises(NotFound):
            identity.document(person.id, number)


def test_who_handed_nothing_in_has_no_papers_and_nothing_is_decided_about_them(tmp_path: Path) -> None:
    other, stranger, admin = submitted(tmp_path), make_user(), make_user()
    with pytest.raises(NotFound) as refused:
        identity.view(stranger.id)
    assert refused.value.code == "no_identity_documents"
    with pytest.raises(NotFound):
        identity.document(stranger.id, 1)
    identity.decide(stranger.id, IdentityStatus.VERIFIED, admin.id)
    assert identity.view(other.id).status is IdentityStatus.PENDING


def test_a_decision_is_noted_with_who_made_it_and_new_papers_take_it_away(tmp_path: Path) -> None:
    person, admin = submitted(tmp_path), make_user()
    identity.decide(person.id, IdentityStatus.REJECTED, admin.id)
    row = IdentityVerification.get()
    assert (row.status, row.decided_by_id, row.decided_at is not None) == ("REJECTED", admin.id, True)
    shown = identity.submit(actor_of(person), received(tmp_path, PAPERS[0]))
    row = IdentityVerification.get()
    assert (shown.status, shown.document_count) == (IdentityStatus.PENDING, 1)
    assert (row.decided_by_id, row.decided_at) == (None, None)


def test_a_paper_that_is_not_in_storage_is_away_and_a_changed_one_does_not_open(tmp_path: Path, media: Path) -> None:
    person = submitted(tmp_path, PAPERS[:1])
    (file,) = kept(media)
    sealed = file.read_bytes()
    file.write_bytes(sealed[:-8] + b"AAAAAAA=")
    with pytest.raises(CannotOpen, match=f"document 1 of {person.id}"):
        identity.document(person.id, 1)
    file.unlink()
    with pytest.raises(Unavailable):
        identity.document(person.id, 1)


def test_papers_that_cannot_be_kept_leave_the_earlier_ones_in_force(tmp_path: Path, media: Path) -> None:
    person = submitted(tmp_path)
    (tmp_path / "a file").touch()
    with configured(media_storage=f"file:{tmp_path / 'a file'}"), pytest.raises(Unavailable):
        identity.submit(actor_of(person), received(tmp_path, PAPERS[0]))
    assert identity.document(person.id, 2).content == PAPERS[1]
    assert len(kept(media)) == 2


def test_one_file_that_is_no_paper_keeps_all_of_them_out(tmp_path: Path, media: Path) -> None:
    person = make_user()
    with pytest.raises(WrongType):
        identity.submit(actor_of(person), received(tmp_path, PAPERS[0], b" %PDF-1.7 shifted"))
    assert not media.exists() or kept(media) == []
    with pytest.raises(NotFound):
        identity.view(person.id)
