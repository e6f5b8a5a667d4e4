"""How much somebody took part in an event: what they did, each thing with its weight."""

import msgspec


class Activity(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a person did in an event, each thing counted; also what each counts for (ENGAGEMENT_WEIGHTS)."""

    messages: int
    questions: int
    upvotes: int
    poll_votes: int
    survey_answers: int
    minutes_watched: int


def score(done: Activity, weights: Activity) -> int:
    """The sum of everything done, each thing times its weight."""
    parts, worth = msgspec.structs.astuple(done), msgspec.structs.astuple(weights)
    return sum(count * weight for count, weight in zip(parts, worth, strict=True))
