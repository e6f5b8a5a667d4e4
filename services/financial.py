"""Bank details for payouts: encrypted at rest, and masked whenever they are shown."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from db.models.financial_details import FinancialDetails
from db.models.users import User
from db.transactions import atomic
from services import encryption
from services.actors import Actor
from services.errors import Invalid, NotFound

PURPOSE = "financial"
LAST = 4
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]
Account = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9 -]{4,40}$", max_length=40)]


class BankDetails(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where to pay to: an IBAN, or an account number and whatever routes to it."""

    account_holder: Line
    iban: Account | None = None
    account_number: Account | None = None
    routing_number: Account | None = None
    bic: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]{8}([A-Za-z0-9]{3})?$", max_length=11)] | None = None
    bank_name: Line | None = None
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", max_length=2)] | None = None
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", max_length=3)] | None = None


class MaskedDetails(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Bank details as they are shown: of numbers, the last four characters."""

    account_holder: str
    iban: str | None
    account_number: str | None
    routing_number: str | None
    bic: str | None
    bank_name: str | None
    country: str | None
    currency: str | None
    last4: str
    updated_at: datetime


def keep_details(actor: Actor, details: BankDetails) -> MaskedDetails:
    """Replace the actor's bank details; raises Invalid naming the field that cannot be."""
    checked = _checked(details)
    sealed = encryption.seal(PURPOSE, actor.user_id, msgspec.json.encode(checked))
    columns = {"ciphertext": sealed.ciphertext, "key_id": sealed.key_id, "last4": _last4(checked)}
    with atomic():
        User.select(User.id).where(User.id == actor.user_id).for_update().get()
        changed = FinancialDetails.update(**columns).where(FinancialDetails.user == actor.user_id).execute()
        if not changed:
            FinancialDetails.create(user=actor.user_id, **columns)
    return own_details(actor)


def own_details(actor: Actor) -> MaskedDetails:
    """The actor's bank details, masked; raises NotFound where there are none."""
    with atomic():
        row = FinancialDetails.get_or_none(FinancialDetails.user == actor.user_id)
    if row is None:
        raise NotFound("There are no bank details yet.", "no_financial_details")
    return _masked(_opened(actor.user_id, row), row)


def payable_details(user_id: UUID) -> BankDetails:
    """Somebody's bank details in full, for whoever pays them; the caller sees to who may. Raises NotFound."""
    with atomic():
        row = FinancialDetails.get_or_none(FinancialDetails.user == user_id)
    if row is None:
        raise NotFound("There are no bank details yet.", "no_financial_details")
    return _opened(user_id, row)


def has_details(user_id: UUID) -> bool:
    """Whether somebody can be paid."""
    with atomic():
        return bool(FinancialDetails.select().where(FinancialDetails.user == user_id).exists())


def _opened(user_id: UUID, row: FinancialDetails) -> BankDetails:
    return msgspec.json.decode(encryption.unseal(PURPOSE, user_id, row.ciphertext), type=BankDetails)


def _masked(details: BankDetails, row: FinancialDetails) -> MaskedDetails:
    return MaskedDetails(
        account_holder=details.account_holder,
        iban=_mask(details.iban),
        account_number=_mask(details.account_number),
        routing_number=_mask(details.routing_number),
        bic=details.bic,
        bank_name=details.bank_name,
        country=details.country,
        currency=details.currency,
        last4=row.last4,
        updated_at=row.updated_at,
    )


def _mask(number: str | None) -> str | None:
    return None if number is None else f"•••• {number[-LAST:]}"


def _last4(details: BankDetails) -> str:
    return str(details.iban or details.account_number)[-LAST:]


def _checked(details: BankDetails) -> BankDetails:
    if (details.iban is None) == (details.account_number is None):
        raise Invalid.field("iban", "or accountNumber must be given, and not both")
    plain = {name: _plain(getattr(details, name)) for name in ("iban", "account_number", "routing_number")}
    if plain["iban"] is not None and not _is_iban(plain["iban"]):
        raise Invalid.field("iban", "is not an IBAN: its check digits do not agree")
    for name, number in plain.items():
        if number is not None and len(number) < LAST:
            raise Invalid.field(re.sub("_n", "N", name), f"must hold at least {LAST} letters or digits")
    return msgspec.structs.replace(details, **plain)


def _plain(number: str | None) -> str | None:
    return None if number is None else re.sub(r"[ -]", "", number).upper()


def _is_iban(text: str) -> bool:
    """Whether the check digits agree (ISO 13616 with ISO 7064's MOD 97-10)."""
    if not IBAN.fullmatch(text):
        return False
    rearranged = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1
