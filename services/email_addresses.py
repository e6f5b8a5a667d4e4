"""E-mail addresses: checked, and brought into the one form in which they are kept and compared."""

import email_validator

from services.bus import bus
from services.errors import Invalid


def normal_email(address: str) -> str:
    """The address in the form in which it is kept; raises Invalid where it is none."""
    try:
        found = email_validator.validate_email(
            address, check_deliverability=False, test_environment=not bus.settings.production
        )
    except email_validator.EmailNotValidError as error:
        raise Invalid.field("email", f"is not an e-mail address: {error}") from error
    return found.normalized.lower()
