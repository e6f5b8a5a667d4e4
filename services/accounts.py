"""Accounts: signing up and signing in."""

import re
from datetime import datetime
from uuid import UUID

import email_validator
import msgspec
import peewee
from peewee import fn

from db.models.users import User
from db.transactions import atomic
from services import clock, passwords, sessions, throttle, tokens, users
from services.actors import Role
from services.bus import bus
from services.errors import Conflict, Forbidden, Invalid, RateLimited, Unauthorized
from services.refusals import translating, violated_constraint
from services.sessions import Device, Session
from services.users import Me

FAILURES = "5/15minutes"
SHORTEST_USERNAME, LONGEST_USERNAME = 3, 30
USERNAME = re.compile(r"[a-z0-9_]{3,30}")
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
    if draft.username is not None and not USERNAME.fullmatch(draft.username):
        raise Invalid.field("username", "must be 3 to 30 of a-z, 0-9 and _")
    with translating({"users_email_key": _email_taken, "users_username_key": _username_taken}):
        user_id = _insert_under_some_name(draft, email, password_hash, role)
    return _sign_in(user_id, device)


def login(password: str, device: Device, *, email: str | None = None, username: str | None = None) -> SignedIn:
    """Sign in by e-mail or username; raises Unauthorized, Forbidden (suspended) or RateLimited.

    An unknown account and a wrong password are answered alike, and in the same time.
    """
    if (email is None) == (username is None):
        raise Invalid.field("email", "or username must be given, and not both")
    account = _account(email, username)
    counted = str(account.id) if account else f"unknown:{(email or username or '').lower()}"
    _refuse_after_failures(counted)
    if not passwords.matches(password, account.password_hash if account else None):
        throttle.hit(FAILURES, "login", counted)
        raise Unauthorized("The e-mail, username or password is wrong.", "invalid_credentials")
    assert account is not None
    if account.suspended_at is not None:
        raise Forbidden("The account is suspended.", "account_suspended")
    throttle.clear(FAILURES, "login", counted)
    return _sign_in(account.id, device)


def normal_email(address: str) -> str:
    """The address in the form in which it is kept; raises Invalid where it is none."""
    try:
        found = email_validator.validate_email(
            address, check_deliverability=False, test_environment=not bus.settings.production
        )
    except email_validator.EmailNotValidError as error:
        raise Invalid.field("email", f"is not an e-mail address: {error}") from error
    return found.normalized.lower()


def _account(email: str | None, username: str | None) -> User | None:
    if email is not None:
        return User.select().where(fn.lower(User.email) == email.strip().lower()).first()
    return User.select().where(fn.lower(User.username) == str(username).strip().lower()).first()


def _refuse_after_failures(counted: str) -> None:
    verdict = throttle.peek(FAILURES, "login", counted)
    if not verdict.allowed:
        raise RateLimited(
            "Too many failed tries; wait before the next.", "too_many_failures", retry_after_s=max(1, verdict.reset_s)
        )


def _sign_in(user_id: UUID, device: Device) -> SignedIn:
    with atomic():
        User.update(last_login_at=clock.now()).where(User.id == user_id).execute()
        session = sessions.open_session(user_id, device)
    return SignedIn(user=users.me(user_id), session=session, token=session.access_token)


def _insert_under_some_name(draft: Registration, email: str, password_hash: str, role: Role) -> UUID:
    """Insert the account; a username that we made up gives way to others until it is free."""
    base = draft.username or _name_from(email)
    for attempt in range(ATTEMPTS_AT_A_NAME):
        username = base if attempt == 0 else f"{base[:24]}_{tokens.new_secret(6).lower().replace('-', '0')[:5]}"
        try:
            with atomic():
                return _insert(draft, email, username, password_hash, role)
        except peewee.IntegrityError as error:
            if draft.username or violated_constraint(error) != "users_username_key":
                raise
    raise _username_taken()


def _insert(draft: Registration, email: str, username: str, password_hash: str, role: Role) -> UUID:
    at: datetime = clock.now()
    row = User.create(
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


def _name_from(email: str) -> str:
    local = re.sub(r"[^a-z0-9_]+", "_", email.partition("@")[0].lower()).strip("_")
    return local[:LONGEST_USERNAME] if len(local) >= SHORTEST_USERNAME else f"user_{local}"


def _email_taken() -> Conflict:
    return Conflict("This e-mail address has an account already.", "email_taken")


def _username_taken() -> Conflict:
    return Conflict("This username is taken.", "username_taken")
