"""What each person wants to be told of, and by which channel."""

import msgspec
from msgspec import UNSET, UnsetType

from db.connection import query
from db.transactions import atomic
from services.actors import Actor
from services.notification_kinds import DEFAULTS, Channels, Kind


class ChannelsPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change for one kind: what is left out stays."""

    in_app: bool | UnsetType = UNSET
    push: bool | UnsetType = UNSET
    mail: bool | UnsetType = UNSET


class Preferences(msgspec.Struct, frozen=True):
    """Every kind with its channels."""

    preferences: dict[str, Channels]


class PreferencesPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of some kinds: those left out stay as they are."""

    preferences: dict[Kind, ChannelsPatch]


def preferences_of(actor: Actor) -> Preferences:
    """What the actor is told of, kind by kind."""
    rows = query("SELECT kind, in_app, push, mail FROM notification_preferences WHERE user_id = %s", (actor.user_id,))
    return Preferences(DEFAULTS | {kind: Channels(*chosen) for kind, *chosen in rows if kind in DEFAULTS})


def change_preferences(actor: Actor, patch: PreferencesPatch) -> Preferences:
    """Change what the actor is told of; returns all of it."""
    with atomic():
        before = preferences_of(actor).preferences
        for kind, change in patch.preferences.items():
            chosen = msgspec.convert(msgspec.to_builtins(before[kind]) | msgspec.to_builtins(change), Channels)
            query(_KEEP, (actor.user_id, kind.value, chosen.in_app, chosen.push, chosen.mail))
    return preferences_of(actor)


_KEEP = """
INSERT INTO notification_preferences (user_id, kind, in_app, push, mail) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT notification_preferences_pkey
DO UPDATE SET in_app = excluded.in_app, push = excluded.push, mail = excluded.mail"""
