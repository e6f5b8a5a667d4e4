"""Changing the encryption key: whatever an older key sealed is sealed anew, batch by batch."""

from typing import Any
from uuid import UUID

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


def reencrypt() -> int:
    """Seal every row under the newest key; returns how many were not yet.

    When it returned 0, older keys can be taken out of ENCRYPTION_KEYS. Run twice at once, two
    share the work.
    """
    return sum(_reencrypt_table(model) for model in SEALED)


def _reencrypt_table(model: SealedModel) -> int:
    done, after = 0, None
    while rows := _batch(model, after):
        done += len(rows)
        after = rows[-1].id
    return done


def _batch(model: SealedModel, after: UUID | None) -> list[Any]:
    condition = model.key_id != encryption.newest_key_id()
    if after is not None:
        condition &= model.id > after
    with atomic():
        rows = list(model.select().where(condition).order_by(model.id).limit(BATCH).for_update(skip_locked=True))
        for row in rows:
            _reseal(model, row)
    return rows


def _reseal(model: SealedModel, row: Any) -> None:
    try:
        sealed = encryption.reseal(row.ciphertext)
    except CannotOpen:
        log.exception("cannot_reencrypt", table=str(model._meta.table_name), row=str(row.id))
        return
    model.update(ciphertext=sealed.ciphertext, key_id=sealed.key_id).where(model.id == row.id).execute()
