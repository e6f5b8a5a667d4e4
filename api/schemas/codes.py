"""What the routes of one-time codes and passwords take."""

from typing import Annotated

import msgspec

from api.schemas.accounts import Email, Password
from services.one_time_codes import Purpose

Otp = Annotated[str, msgspec.Meta(pattern="^[0-9]{6}$", max_length=6, description="six digits")]


class SendCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who wants a code."""

    email: Email
    type: Purpose


class CheckCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who wants to know whether a code is good."""

    email: Email
    otp: Otp
    type: Purpose


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address and the code sent to it; what for, the path says."""

    email: Email
    otp: Otp


class ForgottenPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who forgot a password."""

    email: Email


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A password set by a code: `password`, or `newPassword`, which means the same."""

    email: Email
    otp: Otp
    password: Password | None = None
    new_password: Password | None = None


class ChangedPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A password set by the one before it."""

    current_password: Password
    new_password: Password


class Sent(msgspec.Struct, frozen=True, rename="camel"):
    """A code is on its way, if there is an account with this address; `expires_in` in seconds."""

    sent: bool
    expires_in: int


class Validity(msgspec.Struct, frozen=True):
    """Whether a code is good."""

    valid: bool


class Verified(msgspec.Struct, frozen=True, rename="camel"):
    """The address is its owner's."""

    email_verified: bool


class PasswordSet(msgspec.Struct, frozen=True, rename="camel"):
    """The password is another now."""

    changed: bool
