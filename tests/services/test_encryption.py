"""What is sealed stays sealed: against changes, swaps, and keys that were taken away."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec
import pytest
from cryptography.fernet import Fernet

from db.connection import connection
from db.models.financial_details import FinancialDetails
from db.models.identity_verifications import IdentityVerification
from services import encryption, financial, key_rotation
from services.actors import Actor
from services.bus import bus
from services.encryption import CannotOpen
from services.errors import Invalid, NotFound
from services.financial import BankDetails
from settings import Settings
from tests.configuring import configured
from tests.factories import actor_of, make_user

DETAILS = BankDetails(account_holder="Mira Lund", iban="DE89 3704 0044 0532 0130 00", country="DE")


@pytest.fixture
def actor() -> Actor:
    return actor_of(make_user())


def row_of(actor: Actor) -> FinancialDetails:
    return FinancialDetails.get(FinancialDetails.user == actor.user_id)


def test_what_was_sealed_opens_for_its_owner_and_purpose_alone(actor: Actor) -> None:
    sealed = encryption.seal("a", actor.user_id, b"secret")
    assert b"secret" not in sealed.ciphertext
    assert encryption.unseal("a", actor.user_id, sealed.ciphertext) == b"secret"
    for purpose, owner in (("b", actor.user_id), ("a", make_user().id)):
        with pytest.raises(CannotOpen):
            encryption.unseal(purpose, owner, sealed.ciphertext)


def test_a_changed_text_does_not_open(actor: Actor) -> None:
    ciphertext = bytearray(encryption.seal("a", actor.user_id, b"secret").ciphertext)
    ciphertext[20] ^= 1
    with pytest.raises(CannotOpen):
        encryption.unseal("a", actor.user_id, bytes(ciphertext))


def test_details_of_one_person_put_into_anothers_row_do_not_open(actor: Actor) -> None:
    thief = actor_of(make_user())
    financial.keep_details(actor, DETAILS)
    financial.keep_details(thief, DETAILS)
    FinancialDetails.update(ciphertext=row_of(actor).ciphertext).where(FinancialDetails.user == thief.user_id).execute()
    with pytest.raises(CannotOpen):
        financial.own_details(thief)


def test_a_new_key_seals_at_once_and_the_old_one_opens_until_all_is_sealed_anew(actor: Actor) -> None:
    financial.keep_details(actor, DETAILS)
    old, new = bus.settings.encryption_keys, Fernet.generate_key().decode()
    before = row_of(actor)
    with configured(encryption_keys=(new, *old)):
        assert financial.own_details(actor).last4 == "3000"
        assert key_rotation.reencrypt().resealed == 1
        after = row_of(actor)
        assert after.key_id != before.key_id and bytes(after.ciphertext) != bytes(before.ciphertext)
        assert key_rotation.reencrypt() == key_rotation.Rotation(0, 0)
    with configured(encryption_keys=(new,)):
        assert financial.own_details(actor).last4 == "3000"
    with configured(encryption_keys=old), pytest.raises(CannotOpen):
        financial.own_details(actor)


def test_what_no_key_opens_is_counted_and_left_alone(actor: Actor) -> None:
    financial.keep_details(actor, DETAILS)
    financial.keep_details(actor_of(make_user()), DETAILS)
    before = bytes(row_of(actor).ciphertext)
    with configured(encryption_keys=(Fernet.generate_key().decode(),)):
        assert key_rotation.reencrypt() == key_rotation.Rotation(0, 2)
    assert bytes(row_of(actor).ciphertext) == before


@pytest.mark.parametrize("batch", [1, 2, 5, 6])
def test_rows_of_every_kind_are_sealed_anew_batch_by_batch_around_what_no_key_opens(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "BATCH", batch)
    people = [actor_of(make_user()) for _ in range(5)]
    for person in people:
        financial.keep_details(person, DETAILS)
    sealed = encryption.seal("identity", people[0].user_id, b"[]")
    IdentityVerification.create(
        user=people[0].user_id, document_count=1, ciphertext=sealed.ciphertext, key_id=sealed.key_id
    )
    FinancialDetails.update(ciphertext=b"spoilt").where(FinancialDetails.user == people[2].user_id).execute()
    new = Fernet.generate_key().decode()
    with configured(encryption_keys=(new, *bus.settings.encryption_keys)):
        assert key_rotation.reencrypt() == key_rotation.Rotation(resealed=5, unopened=1)
        assert key_rotation.reencrypt() == key_rotation.Rotation(resealed=0, unopened=1)
    with configured(encryption_keys=(new,)):
        assert encryption.unseal("identity", people[0].user_id, IdentityVerification.get().ciphertext) == b"[]"
        opened = [financial.own_details(person).last4 for person in people if person is not people[2]]
    assert opened == ["3000"] * 4
    assert bytes(row_of(people[2]).ciphertext) == b"spoilt"


def test_a_row_that_goes_while_others_are_sealed_anew_is_nobodys_loss(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes their account between the batch and its row."""
    financial.keep_details(actor, DETAILS)
    going = actor_of(make_user())
    financial.keep_details(going, DETAILS)

    def reseal(ciphertext: bytes) -> encryption.Sealed:
        FinancialDetails.delete().where(FinancialDetails.user == going.user_id).execute()
        return resealed(ciphertext)

    resealed = encryption.reseal
    monkeypatch.setattr(encryption, "reseal", reseal)
    with configured(encryption_keys=(Fernet.generate_key().decode(), *bus.settings.encryption_keys)):
        assert key_rotation.reencrypt() == key_rotation.Rotation(resealed=2, unopened=0)
    assert FinancialDetails.select().count() == 1


def test_the_id_of_a_key_does_not_give_it_away() -> None:
    key = bus.settings.encryption_keys[0]
    assert encryption.newest_key_id() not in key and len(encryption.newest_key_id()) == 12


def test_who_has_said_where_to_pay_to_can_be_paid_and_nobody_else(actor: Actor) -> None:
    other = actor_of(make_user())
    assert not financial.has_details(actor.user_id)
    with pytest.raises(NotFound):
        financial.own_details(actor)
    with pytest.raises(NotFound):
        financial.payable_details(actor.user_id)
    financial.keep_details(actor, DETAILS)
    assert financial.has_details(actor.user_id)
    assert not financial.has_details(other.user_id)
    assert financial.payable_details(actor.user_id).account_holder == "Mira Lund"


@pytest.mark.parametrize(
    "iban", ["DE89370400440532013001", "1", "DE", "89370400440532013000", "DE8937040044053201300!"]
)
def test_what_is_no_iban_is_not_kept(actor: Actor, iban: str) -> None:
    with pytest.raises(Invalid):
        financial.keep_details(actor, BankDetails(account_holder="Mira Lund", iban=iban))
    assert not financial.has_details(actor.user_id)


@pytest.mark.parametrize(("number", "is_kept"), [("123", False), ("1234", True), ("1-2 3", False), ("1-2 34", True)])
def test_of_an_account_number_at_least_four_characters_count(actor: Actor, number: str, is_kept: bool) -> None:
    details = BankDetails(account_holder="Mira Lund", account_number=number)
    if is_kept:
        assert financial.keep_details(actor, details).last4 == "1234"
    else:
        with pytest.raises(Invalid):
            financial.keep_details(actor, details)


def test_an_iban_is_kept_without_its_blanks_and_in_capitals(actor: Actor) -> None:
    financial.keep_details(actor, BankDetails(account_holder="Mira Lund", iban="de89-3704 0044 0532 0130 00"))
    assert financial.payable_details(actor.user_id).iban == "DE89370400440532013000"


def test_details_that_one_person_keeps_many_times_at_once_are_one_row(committed_db: Settings) -> None:
    with connection():
        mira = actor_of(make_user())
    ready = Barrier(8)

    def keep(number: int) -> str:
        ready.wait(60)
        with connection():
            return financial.keep_details(mira, msgspec.structs.replace(DETAILS, bank_name=str(number))).last4

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(keep, range(8))) == ["3000"] * 8
    with connection():
        assert FinancialDetails.select().count() == 1
