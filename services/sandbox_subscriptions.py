"""The payment sandbox's subscriptions: charged month after month, or not, until somebody ends them."""

from datetime import datetime

from db.connection import acting_as_system
from db.models.payment_sandbox import SandboxSession
from services import clock
from services.billing_months import months_after
from services.errors import Conflict, NotFound
from services.sandbox_books import Act, SessionBook, Told
from services.sandbox_deliveries import Unkindness
from services.sandbox_sessions import KIND, act, book_of, refuse_beside_a_live_key

_RUNNING = ("active", "past_due")


def renew(session_id: str, unkindness: Unkindness, outcome: str = "paid") -> SessionBook:
    """Charge the next month now, whether it is due or not; `outcome` is `paid` or `failed`."""
    return act(session_id, unkindness, _renewed if outcome == "paid" else _unpaid)


def end(session_id: str, unkindness: Unkindness) -> SessionBook:
    """End a subscription at once; raises NotFound, Conflict where it is over."""
    return act(session_id, unkindness, _ended)


@acting_as_system("the sandbox plays a provider")
def set_ending(session_id: str, *, ends: bool) -> SessionBook:
    """Charge no further month, or charge on; raises NotFound, Conflict where it is over."""

    def change(row: SandboxSession) -> list[Told]:
        _require_running(row)
        row.cancels_at_period_end = ends
        return [Told(Act.CHANGED)]

    return act(session_id, KIND, change)


@acting_as_system("the sandbox plays a provider")
def session_of_plan(plan: str) -> str:
    """The checkout from which a subscription came; raises NotFound."""
    refuse_beside_a_live_key()
    tail = plan.removeprefix("sub_")
    names = (f"cs_test_{tail}", f"cks_{tail}")
    row = SandboxSession.get_or_none(SandboxSession.id.in_(names), SandboxSession.periods > 0)
    if row is None:
        raise NotFound(f"No such subscription: '{plan}'")
    return str(row.id)


@acting_as_system("the sandbox plays a provider")
def paid_sessions(provider: str, mode: str, since: datetime) -> list[SessionBook]:
    """What was paid in one mode; of payments since then, of subscriptions all, newest first."""
    refuse_beside_a_live_key()
    rows = SandboxSession.select().where(
        SandboxSession.provider == provider, SandboxSession.mode == mode, SandboxSession.paid
    )
    if mode == "payment":
        rows = rows.where(SandboxSession.completed_at >= since)
    return [book_of(row) for row in rows.order_by(SandboxSession.completed_at.desc())]


def charge_due() -> None:
    """Charge or end every subscription whose month is over, as providers do by themselves."""
    due = SandboxSession.select(SandboxSession.id).where(
        SandboxSession.subscription_status == "active", SandboxSession.period_ends_at <= clock.now()
    )
    for row in list(due.limit(100)):
        act(row.id, KIND, _charged_if_due)


def _charged_if_due(row: SandboxSession) -> list[Told]:
    if row.subscription_status != "active" or row.period_ends_at > clock.now():
        return []
    return _ended(row) if row.cancels_at_period_end else _renewed(row)


def _renewed(row: SandboxSession) -> list[Told]:
    _require_running(row)
    row.periods, row.subscription_status = row.periods + 1, "active"
    row.period_ends_at = months_after(row.completed_at, row.periods)
    row.refunded_amount, row.is_disputed = 0, False
    return [Told(Act.RENEWED)]


def _unpaid(row: SandboxSession) -> list[Told]:
    _require_running(row)
    row.subscription_status = "past_due"
    return [Told(Act.UNPAID)]


def _ended(row: SandboxSession) -> list[Told]:
    _require_running(row)
    row.subscription_status = "canceled"
    return [Told(Act.ENDED)]


def _require_running(row: SandboxSession) -> None:
    if row.subscription_status not in _RUNNING:
        raise Conflict("There is no subscription that runs.", "subscription_over")
