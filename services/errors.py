"""How a service refuses: a small tree, each refusal with a stable code and no status.

ServiceError
├── Unauthorized    nobody is signed in, or not with this
├── Forbidden       this person may not
├── NotFound        no such thing, or none that this person may know of
├── Conflict        the thing is in another state
├── Invalid         the input is wrong, field by field
├── TooLarge        the input is over its bound
├── WrongType       the input is of a kind that is not taken
├── NoRoom          there is no place left to keep the input
├── RateLimited     too often; says when to come back
└── Unavailable     a store or provider is away; says when to come back
"""

from datetime import datetime

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of the input, in the wire's spelling of its name."""

    field: str
    message: str


class ServiceError(Exception):
    """A refusal: `message` is a sentence for people, `code` a word for programs."""

    code = "error"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code


class Unauthorized(ServiceError):
    code = "unauthorized"


class Forbidden(ServiceError):
    code = "forbidden"

    def __init__(self, message: str, code: str | None = None, *, until: datetime | None = None) -> None:
        super().__init__(message, code)
        self.until = until


class NotFound(ServiceError):
    code = "not_found"


class Conflict(ServiceError):
    code = "conflict"


class Invalid(ServiceError):
    """Wrong input; `details` names every field found wrong."""

    code = "invalid"

    def __init__(self, message: str, code: str | None = None, *, details: list[FieldError] | None = None) -> None:
        super().__init__(message, code)
        self.details = details or []

    @classmethod
    def field(cls, field: str, message: str, code: str | None = None) -> "Invalid":
        """A refusal of one field."""
        return cls(f"{field} {message}", code, details=[FieldError(field, message)])


class TooLarge(ServiceError):
    code = "too_large"


class WrongType(ServiceError):
    code = "unsupported_media_type"


class NoRoom(ServiceError):
    code = "storage_full"


class RateLimited(ServiceError):
    code = "rate_limited"

    def __init__(self, message: str, code: str | None = None, *, retry_after_s: float = 1) -> None:
        super().__init__(message, code)
        self.retry_after_s = retry_after_s


class Unavailable(ServiceError):
    code = "unavailable"

    def __init__(self, message: str, code: str | None = None, *, retry_after_s: float = 2) -> None:
        super().__init__(message, code)
        self.retry_after_s = retry_after_s
