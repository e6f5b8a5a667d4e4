"""Changing the encryption key: whatever an older key sealed is sealed anew, batch by batch."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import structlog

from db.models.financial_details import FinancialDetails
from db.models.identity_verifications import IdentityVerification
from db.transactions import atomic
from services import encryption
from services.encryption import CannotOpen

log = structlog.get_logger(__name__)

BATCH = 200
SealedModel = type[FinancialDetails] | type[IdentityVerification]

SEALED: tuple[SealedModel, ...] = (FinancialDetails, IdentityVerification)


class Rotation(msgspec.Struct, frozen=True):
    """How many rows were sealed anew, and how many no key opened."""

    resealed: int
    unopened: int


def reencrypt() -> Rotation:
    """Seal every row under the newest key; where it leaves none behind, older keys can go.

    Run twice at once, two share the work.
    """
    outcomes = [_reseal(model, row) for model in SEALED for row in _rows(model)]
    return Rotation(sum(outcomes), len(outcomes) - sum(outcomes))


def _rows(model: SealedModel) -> Iterator[UUID]:
    """The keys of rows that another key sealed, a batch at a time."""
    after = UUID(int=0)
    while True:
        with atomic():
            condition = (model.key_id != encryption.newest_key_id()) & (model.id > after)
            batch = [row.id for row in model.select(model.id).where(condition).order_by(model.id).limit(BATCH)]
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1]


def _reseal(model: SealedModel, row_id: UUID) -> bool:
    with atomic():
        row: Any = model.select().where(model.id == row_id).for_update().first()
        if row is None:
            return True
        try:
            sealed = encryption.reseal(row.ciphertext)
        except CannotOpen:
            log.exception("cannot_reencrypt", table=str(model._meta.table_name), row=str(row_id))
            return False
        model.update(ciphertext=sealed.ciphertext, key_id=sealed.key_id).where(model.id == row_id).execute()
    return True
