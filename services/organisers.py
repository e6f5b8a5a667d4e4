"""Who runs events: the platform's administrators, checked where the rules live."""

from services.actors import Actor
from services.errors import Forbidden


def must_organise(actor: Actor) -> None:
    """Let an organiser pass; raises Forbidden."""
    if not actor.is_admin:
        raise Forbidden("Only organisers may do this.", "admin_required")
