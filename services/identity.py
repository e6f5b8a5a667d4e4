"""Papers by which creators prove who they are: encrypted in private storage, each under its own key."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from db.models.identity_verifications import IdentityVerification
from db.models.users import User
from db.transactions import after_commit, atomic
from services import clock, encryption, image_headers, uploads
from services.actors import Actor
from services.bus import bus
from services.encryption import CannotOpen
from services.errors import NotFound, Unavailable, WrongType
from services.gateways.storage import StorageError, open_storage
from services.ids import new_id
from services.uploads import ReceivedFile, not_kept

#: Never served: only an administrator who reviews an application reads what lies here.
FOLDER = "identity"
PURPOSE = "identity"
PDF = "application/pdf"
MOST_BYTES = 10 << 20
MOST_DOCUMENTS = 4


class IdentityStatus(StrEnum):
    PENDING = "PENDING"
    VERIFIED = "VERIFIED"
    REJECTED = "REJECTED"


class IdentityView(msgspec.Struct, frozen=True, rename="camel"):
    """Where the proof of somebody's identity stands; the papers themselves are shown to nobody."""

    status: IdentityStatus
    document_count: int
    submitted_at: datetime


class Document(msgspec.Struct, frozen=True):
    """A paper, open."""

    content: bytes
    content_type: str


class _Paper(msgspec.Struct, frozen=True):
    """Where a paper lies and what opens it."""

    storage_key: str
    data_key: str
    content_type: str


def submit(actor: Actor, files: Sequence[ReceivedFile]) -> IdentityView:
    """Hand in papers, in the place of earlier ones; raises WrongType, or Unavailable where storage is away."""
    kinds = [_kind(file) for file in files]
    papers = [_stored(actor.user_id, file, kind) for file, kind in zip(files, kinds, strict=True)]
    sealed = encryption.seal(PURPOSE, actor.user_id, msgspec.json.encode(papers))
    columns = {
        "status": IdentityStatus.PENDING.value,
        "document_count": len(papers),
        "ciphertext": sealed.ciphertext,
        "key_id": sealed.key_id,
        "decided_by_id": None,
        "decided_at": None,
        "created_at": clock.now(),
    }
    with atomic():
        User.select(User.id).where(User.id == actor.user_id).for_update().get()
        before = _row(actor.user_id)
        if before is None:
            IdentityVerification.create(user=actor.user_id, **columns)
        else:
            IdentityVerification.update(**columns).where(IdentityVerification.user == actor.user_id).execute()
            after_commit(lambda: _forget(actor.user_id, before))
    return view(actor.user_id)


def view(user_id: UUID) -> IdentityView:
    """Where somebody's proof stands; raises NotFound where nothing was handed in."""
    with atomic():
        row = _row(user_id)
    if row is None:
        raise NotFound("No papers were handed in.", "no_identity_documents")
    return IdentityView(IdentityStatus(row.status), row.document_count, row.created_at)


def document(user_id: UUID, number: int) -> Document:
    """One of somebody's papers, counted from 1; raises NotFound, or Unavailable where storage is away.

    Whoever calls this has made sure that an administrator asks.
    """
    with atomic():
        row = _row(user_id)
    papers = _papers(user_id, row) if row is not None else []
    if not 1 <= number <= len(papers):
        raise NotFound("No such document.")
    paper = papers[number - 1]
    try:
        with open_storage(bus.settings).open(paper.storage_key) as file:
            content = Fernet(paper.data_key).decrypt(file.read())
    except StorageError as error:
        raise Unavailable("The document cannot be read at the moment.") from error
    except InvalidToken as error:
        raise CannotOpen(f"document {number} of {user_id} was changed in storage") from error
    return Document(content, paper.content_type)


def decide(user_id: UUID, status: IdentityStatus, decided_by: UUID) -> None:
    """Note what came of somebody's papers, in the caller's transaction; nothing where there are none."""
    IdentityVerification.update(status=status.value, decided_by_id=decided_by, decided_at=clock.now()).where(
        IdentityVerification.user == user_id
    ).execute()


def _kind(file: ReceivedFile) -> str:
    with file.path.open("rb") as opened:
        header = image_headers.image_header(opened)
        opened.seek(0)
        is_pdf = opened.read(5) == b"%PDF-"
    if header is None and not is_pdf:
        raise WrongType("A document must be a JPEG, PNG or WebP picture, or a PDF.")
    return header.content_type if header else PDF


def _stored(user_id: UUID, file: ReceivedFile, content_type: str) -> _Paper:
    data_key = Fernet.generate_key()
    paper = _Paper(f"{FOLDER}/{user_id}/{new_id()}", data_key.decode(), content_type)
    try:
        open_storage(bus.settings).put_bytes(paper.storage_key, Fernet(data_key).encrypt(file.path.read_bytes()))
    except StorageError as error:
        raise not_kept(error) from error
    return paper


def _row(user_id: UUID) -> IdentityVerification | None:
    return IdentityVerification.get_or_none(IdentityVerification.user == user_id)


def _papers(user_id: UUID, row: IdentityVerification) -> list[_Paper]:
    return msgspec.json.decode(encryption.unseal(PURPOSE, user_id, row.ciphertext), type=list[_Paper])


def _forget(user_id: UUID, row: IdentityVerification) -> None:
    for paper in _papers(user_id, row):
        uploads.forget(paper.storage_key)
