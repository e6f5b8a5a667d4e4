"""Whether a secret could be guessed: from what people leave standing, type in rows, or repeat."""

from itertools import pairwise

LEAST_KINDS = 8
#: What examples say, and nobody replaces; long enough that no random secret holds one.
PLACEHOLDERS = (
    *("changeme", "change-me", "change_me", "replaceme", "replace-me", "replace_me", "placeholder", "example"),
    *("password", "yoursecret", "your-secret", "your_secret", "supersecret", "super-secret", "super_secret"),
)


def weakness(value: str, shortest: int) -> str:
    """Why a secret is too weak, in words that follow "it"; empty where it is not. Never shows the secret."""
    if len(value) < shortest:
        return f"needs at least {shortest} characters"
    if len(set(value)) < LEAST_KINDS:
        return "repeats a few characters"
    return ""


def guess(value: str) -> str:
    """Why somebody might guess a secret that is long enough, likewise."""
    if any(word in value.casefold() for word in PLACEHOLDERS):
        return "reads like what an example says"
    steps = [ord(after) - ord(before) for before, after in pairwise(value)]
    if sum(step in (-1, 0, 1) for step in steps) * 2 > len(steps):
        return "is a row of the alphabet"
    return ""
