"""One variable of the environment at a time, read and checked; every refusal names its variable."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import limits

from settings_addresses import is_readable, is_sender
from settings_strength import guess, weakness

MINUTE, HOUR, DAY = 60, 3600, 86400
LONGEST_S = 3650 * DAY
MOST_OF_A_RATE, LONGEST_RATE_S = 1_000_000, 31 * DAY
SHORTEST_SECRET = 32
#: Bytes behind the base64 of a secret that a provider has made.
SHORTEST_WEBHOOK_SECRET = 12

T = TypeVar("T")


class SettingsError(Exception):
    """A variable that cannot be used; says which and why, in one line."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name


class Reader:
    """One variable at a time, each refusal naming its variable."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name: value for name, value in environ.items() if value != ""}
        self.production = self.choice("ASTROTV_ENV", "development", ("development", "production")) == ("production")

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(name, default).strip()

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise SettingsError(name, "is missing; see .env.example")
        return value

    def whole(self, name: str, default: int, least: int = 0, most: int = 2**31) -> int:
        number = self._parsed(name, default, int, "must be a whole number")
        if not least <= number <= most:
            raise SettingsError(name, f"must be from {least} to {most}, not {number}")
        return number

    def port(self, name: str, default: int) -> int:
        return self.whole(name, default, 1, 65535)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise SettingsError(name, f"must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        """An address with one of the schemes, or nothing where the default is nothing; no refusal shows a password."""
        value = self.text(name, default)
        if value and not re.fullmatch(rf"({'|'.join(map(re.escape, schemes))})://\S+", value):
            raise SettingsError(name, f"must be an address that begins with {' or '.join(f'{s}://' for s in schemes)}")
        if value and not is_readable(value):
            raise SettingsError(name, "cannot be read as an address: look at host, port, path and %, in a password too")
        return value

    def sender(self, name: str, default: str) -> str:
        """Whom letters come from."""
        value = self.text(name, default)
        if not is_sender(value):
            raise SettingsError(name, f"must be an address such as {default}, not {value!r}")
        return value

    def host(self, name: str, default: str) -> str:
        """A name or an address to listen at."""
        value = self.text(name, default)
        if not re.fullmatch(r"[A-Za-z0-9_.:-]+", value):
            raise SettingsError(name, f"must be a host name or an address, not {value!r}")
        return value

    def origins(self, name: str, default: str) -> tuple[str, ...]:
        """Origins as browsers send them (RFC 6454, section 6.2), by commas; never all of them, nor any path."""
        found = tuple(origin.rstrip("/") for origin in self.names(name, default))
        for origin in found:
            if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s/*@?#]+", origin):
                raise SettingsError(name, f"must be origins such as {default} by commas, which {origin!r} is not")
        return found

    def sign_in(self, name: str) -> str:
        """`user:password`, or nothing; no refusal ever shows it."""
        value = self.text(name)
        if value and not re.fullmatch(r"[^:\s]+:\S{8,}", value):
            raise SettingsError(name, "must be user:password, with a password of at least 8 characters")
        return value

    def names(self, name: str, default: str = "") -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name, default).split(",") if part.strip())

    def rising(self, name: str, default: str) -> tuple[int, ...]:
        """Three whole numbers above zero, each above the one before, such as `300,600,1200`."""
        text = self.text(name, default)
        numbers = tuple(int(part) for part in text.split(",") if part.strip().isdecimal())
        if len(numbers) != 3 or len(text.split(",")) != 3 or not 0 < numbers[0] < numbers[1] < numbers[2] < 2**31:
            raise SettingsError(name, f"must be three rising whole numbers such as {default}, not {text!r}")
        return numbers

    def currency(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not re.fullmatch(r"[A-Z]{3}", value):
            raise SettingsError(name, f"must be an ISO 4217 code such as {default}, not {value!r}")
        return value

    def duration_s(self, name: str, default: str) -> int:
        """Seconds from `3600`, `60m`, `1h` or `7d`."""
        text = self.text(name, default)
        found = re.fullmatch(r"(\d{1,9})\s*([smhd]?)", text)
        if found is None or int(found[1]) == 0:
            raise SettingsError(name, f"must be a duration such as 3600, 60m, 1h or 7d, not {text!r}")
        seconds = int(found[1]) * {"": 1, "s": 1, "m": MINUTE, "h": HOUR, "d": DAY}[found[2]]
        if seconds > LONGEST_S:
            raise SettingsError(name, f"must be at most {LONGEST_S // DAY}d, not {text!r}")
        return seconds

    def weights(self, name: str, default: str) -> Mapping[str, int]:
        """Whole numbers by name, as `a=1,b=5`; the default says which names there are, and what is left out counts."""
        found = dict(part.split("=") for part in default.split(","))
        for part in self.names(name):
            key, _, number = part.partition("=")
            if key not in found or not re.fullmatch(r"\d{1,4}", number):
                raise SettingsError(name, f"must be like {default}, which {part!r} is not")
            found[key] = number
        return {key: int(number) for key, number in found.items()}

    def rate(self, name: str, default: str) -> str:
        """One limit as the `limits` library writes it, which takes 0 minutes for 1 and reads no further than a `;`."""
        value = self.text(name, default)
        try:
            rate = limits.parse(value)
        except ValueError as error:
            raise SettingsError(name, f"must look like 100/15minutes, not {value!r}") from error
        if ";" in value or re.search(r"(/|per)\s*0", value) or rate.get_expiry() > LONGEST_RATE_S:
            raise SettingsError(name, f"must be one limit such as 100/15minutes, of at most 31 days, not {value!r}")
        if not 1 <= rate.amount <= MOST_OF_A_RATE:
            raise SettingsError(name, f"must allow from 1 to {MOST_OF_A_RATE}, not {rate.amount}")
        return value

    def secret(self, name: str) -> str:
        return self._strong(name, self.required(name))

    def strong_in_production(self, name: str, shortest: int) -> str:
        """A secret that somebody else has made: in development any will do, in production none that is weak."""
        value = self.text(name)
        return self._strong(name, value, shortest) if value and self.production else value

    def _strong(self, name: str, value: str, shortest: int = SHORTEST_SECRET) -> str:
        if why := weakness(value, shortest) or (guess(value) if self.production else ""):
            raise SettingsError(name, f"is too weak: it {why}")
        return value

    def fernet_keys(self, name: str) -> tuple[str, ...]:
        """Keys of 32 bytes in URL-safe base64, as Fernet has them; no refusal ever shows one."""
        keys = self.names(name)
        if not all(re.fullmatch(r"[A-Za-z0-9_-]{43}=", key) for key in keys):
            raise SettingsError(name, "must be Fernet keys by commas; .env.example says how to make one")
        for key in keys:
            self._strong(name, key)
        return keys

    def standard_webhook_secrets(self, name: str) -> tuple[str, ...]:
        """Secrets as the Standard Webhooks specification spells them; no refusal ever shows one."""
        found = self.names(name)
        if not all(_is_base64(secret.removeprefix("whsec_")) for secret in found):
            raise SettingsError(name, "must be base64 secrets (whsec_…) by commas")
        return found

    def _parsed(self, name: str, default: T, parse: Callable[[str], T], complaint: str) -> T:
        text = self._environ.get(name)
        if text is None:
            return default
        try:
            return parse(text.strip())
        except ValueError as error:
            raise SettingsError(name, f"{complaint}, not {text!r}") from error


def _is_base64(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) >= SHORTEST_WEBHOOK_SECRET
    except binascii.Error:
        return False
