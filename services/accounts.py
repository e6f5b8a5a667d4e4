"""Accounts: signing up and signing in."""

from datetime import datetime
from uuid import UUID

import msgspec
import peewee
from peewee import fn

from db.connection import acting_as_system
from db.models.users import Account
from db.transactions import atomic
from services import clock, lockout, one_time_codes, passwords, sessions, usernames, users
from services.actors import Role
from services.email_addresses import normal_email
from services.errors import Conflict, Forbidden, Invalid, Unauthorized
from services.one_time_codes import Purpose
from services.refusals import translating, violated_constraint
from services.sessions import Device, Session
from services.users import Me

ATTEMPTS_AT_A_NAME = 8


class Registration(msgspec.Struct, frozen=True):
    """What somebody says when they sign up."""

    email: str
    password: str
    name: str | None = None
    username: str | None = None
    company: str | None = None


class SignedIn(msgspec.Struct, frozen=True):
    """A person and the session just opened; `token` repeats the access token."""

    user: Me
    session: Session
    token: str


def register(draft: Registration, device: Device, role: Role = Role.VIEWER) -> SignedIn:
    """Make an account and sign it in; raises Invalid, or Conflict for a taken e-mail or username."""
    email = normal_email(draft.email)
    password_hash = passwords.hash_password(draft.password)
    if draft.username is not None:
        usernames.checked(draft.username)
    with translating({"users_email_key": _email_taken, "users_username_key": usernames.taken}):
        user_id = _insert_under_some_name(draft, email, password_hash, role)
    return _sign_in(user_id, device)


def login(password: str, device: Device, *, email: str | None = None, username: str | None = None) -> SignedIn:
    """Sign in by e-mail or username; raises Unauthorized, Forbidden (suspended) or RateLimited.

    An unknown account and a wrong password are answered alike, and in the same time.
    """
    if (email is None) == (username is None):
        raise Invalid.field("email", "or username must be given, and not both")
    account = _account(email, username)
    allowance = lockout.allowance(account.id if account else None, email or username or "", device)
    allowance.check()
    if not passwords.matches(password, account.password_hash if account else None):
        allowance.fail()
        raise Unauthorized("The e-mail, username or password is wrong.", "invalid_credentials")
    assert account is not None
    allowance.check()  # what failed beside this try, while the password was compared, counts against it
    _refuse_suspended(account)
    allowance.forgive()
    return _sign_in(account.id, device)


def sign_in_with_code(email: str, code: str, device: Device) -> SignedIn:
    """Sign in by a code from one's mail, which proves the address; raises Unauthorized or Forbidden."""
    with atomic():
        is_good = one_time_codes.spend(email, Purpose.SIGN_IN, code)
        account = _account(normal_email(email), None) if is_good else None
        if account is not None:
            _mark_verified(account.id)
    if account is None:
        raise Unauthorized("The code is wrong, or has expired or been used.", "invalid_code")
    _refuse_suspended(account)
    return _sign_in(account.id, device)


def verify_email(email: str, code: str) -> None:
    """Mark an address as its owner's; raises Invalid for a code that is not good."""
    with atomic():
        is_good = one_time_codes.spend(email, Purpose.EMAIL_VERIFICATION, code)
        account = _account(normal_email(email), None) if is_good else None
        if account is not None:
            _mark_verified(account.id)
    if account is None:
        raise one_time_codes.refused()


@acting_as_system("to find who signs in")
def _account(email: str | None, username: str | None) -> Account | None:
    if email is not None:
        return Account.select().where(fn.lower(Account.email) == email.strip().lower()).first()
    return Account.select().where(fn.lower(Account.username) == str(username).strip().lower()).first()


def _refuse_suspended(account: Account) -> None:
    if account.suspended_at is not None:
        raise Forbidden("The account is suspended.", "account_suspended")


@acting_as_system("a code proves the address")
def _mark_verified(user_id: UUID) -> None:
    unproven = Account.id == user_id, Account.email_verified_at.is_null()
    Account.update(email_verified_at=clock.now()).where(*unproven).execute()


@acting_as_system("a session begins")
def _sign_in(user_id: UUID, device: Device) -> SignedIn:
    with atomic():
        Account.update(last_login_at=clock.now()).where(Account.id == user_id).execute()
        session = sessions.open_session(user_id, device)
    return SignedIn(user=users.me(user_id), session=session, token=session.access_token)


def _insert_under_some_name(draft: Registration, email: str, password_hash: str, role: Role) -> UUID:
    """Insert the account; a username that we made up gives way to others until it is free."""
    base = draft.username or usernames.made_from(email)
    for attempt in range(ATTEMPTS_AT_A_NAME):
        username = base if attempt == 0 else usernames.variation(base)
        if usernames.is_held(username):
            if draft.username:
                break
            continue
        try:
            with atomic():
                return _insert(draft, email, username, password_hash, role)
        except peewee.IntegrityError as error:
            if draft.username or violated_constraint(error) != "users_username_key":
                raise
    raise usernames.taken()


@acting_as_system("somebody signs up")
def _insert(draft: Registration, email: str, username: str, password_hash: str, role: Role) -> UUID:
    at: datetime = clock.now()
    row = Account.create(
        email=email,
        username=username,
        name=draft.name or username,
        company=draft.company or "",
        password_hash=password_hash,
        role=role.value,
        created_at=at,
        updated_at=at,
    )
    return row.id


def _email_taken() -> Conflict:
    return Conflict("This e-mail address has an account already.", "email_taken")
