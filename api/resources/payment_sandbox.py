"""The payment sandbox's checkout page: three buttons for a person, the same addresses for a script."""

from collections.abc import Callable
from html import escape
from string import Template
from typing import Annotated, Any
from urllib.parse import parse_qsl

import falcon
import msgspec

from api.replies import ok
from api.requests import Request, raw_body, shaped
from services import sandbox_dodo, sandbox_objects, sandbox_sessions, sandbox_subscriptions
from services.sandbox_books import SessionBook
from services.sandbox_deliveries import Unkindness
from settings import Settings

PAGE = "/sandbox/checkout/{session_id}"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"


class _Refund(Unkindness, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a refund takes: an amount in minor units, or none for everything."""

    amount: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _Dispute(Unkindness, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a dispute takes: how the bank decides, or nothing where it has not yet."""

    outcome: Annotated[str, msgspec.Meta(pattern="^(won|lost)$")] | None = None


class _Renewal(Unkindness, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What charging the next month takes: how it goes."""

    outcome: Annotated[str, msgspec.Meta(pattern="^(paid|failed)$")] = "paid"


def add_routes(app: "falcon.App[Request, falcon.Response]", settings: Settings) -> None:
    """Add the page and its buttons, unless a provider's key is configured."""
    if not settings.payment_sandbox:
        return
    app.add_route(PAGE, CheckoutPage())
    for name, act in _ACTS.items():
        app.add_route(f"{PAGE}/{name}", Button(act))


class CheckoutPage:
    """One checkout."""

    def on_get(self, _req: Request, resp: falcon.Response, session_id: str) -> None:
        _show(resp, sandbox_sessions.session(session_id))


class Button:
    """One thing that may be done with a checkout."""

    def __init__(self, act: Callable[[str, dict[str, str]], SessionBook]) -> None:
        self._act = act

    def on_post(self, req: Request, resp: falcon.Response, session_id: str) -> None:
        book = self._act(session_id, _form(req))
        if req.client_prefers(("application/json", "text/html")) == "application/json":
            ok(resp, _told(book))
        else:
            _show(resp, book)


def _pay(session_id: str, form: dict[str, str]) -> SessionBook:
    return sandbox_sessions.pay(session_id, shaped(form, Unkindness, strict=False))


def _decline(session_id: str, form: dict[str, str]) -> SessionBook:
    return sandbox_sessions.decline(session_id, shaped(form, Unkindness, strict=False))


def _close(session_id: str, form: dict[str, str]) -> SessionBook:
    return sandbox_sessions.close(session_id, shaped(form, Unkindness, strict=False))


def _refund(session_id: str, form: dict[str, str]) -> SessionBook:
    wanted = shaped(form, _Refund, strict=False)
    return sandbox_sessions.refund(session_id, wanted, wanted.amount)


def _dispute(session_id: str, form: dict[str, str]) -> SessionBook:
    wanted = shaped(form, _Dispute, strict=False)
    return sandbox_sessions.dispute(session_id, wanted, wanted.outcome)


def _renew(session_id: str, form: dict[str, str]) -> SessionBook:
    wanted = shaped(form, _Renewal, strict=False)
    return sandbox_subscriptions.renew(session_id, wanted, wanted.outcome)


def _end(session_id: str, form: dict[str, str]) -> SessionBook:
    return sandbox_subscriptions.end(session_id, shaped(form, Unkindness, strict=False))


def _told(book: SessionBook) -> dict[str, Any]:
    """The checkout as its provider would show it."""
    return sandbox_objects.checkout_session(book) if book.provider == "stripe" else sandbox_dodo.payment(book)


_ACTS: dict[str, Callable[[str, dict[str, str]], SessionBook]] = {
    "pay": _pay,
    "decline": _decline,
    "close": _close,
    "refund": _refund,
    "dispute": _dispute,
    "renew": _renew,
    "end": _end,
}


def _form(req: Request) -> dict[str, str]:
    """The fields of a form; what is left empty, or spelled as a browser's checkbox, in our terms."""
    fields = dict(parse_qsl(raw_body(req, 10_000).decode(errors="replace")))
    if fields.get("shuffle") == "on":
        fields["shuffle"] = "true"
    return fields


def _show(resp: falcon.Response, book: SessionBook) -> None:
    resp.content_type = "text/html; charset=utf-8"
    resp.set_header("Content-Security-Policy", POLICY)
    resp.text = _PAGE.substitute(
        price=f"{book.amount / 100:.2f} {escape(book.currency.upper())}",
        title=escape(_title(book)),
        state=_state(book),
        forms="".join(_form_of(book, name) for name in _possible(book)),
        back=escape(str(book.request.get("success_url" if book.paid else "cancel_url", "")), quote=True),
    )


def _title(book: SessionBook) -> str:
    items: Any = book.request.get("line_items") or [{}]
    if "title" in book.request:
        return str(book.request["title"])
    return str(items[0].get("price_data", {}).get("product_data", {}).get("name", "A purchase"))


def _state(book: SessionBook) -> str:
    if book.is_disputed:
        return "Disputed."
    if book.refunded_amount:
        return "Refunded." if book.refunded_amount == book.amount else "Refunded in part."
    if book.subscription_status in ("past_due", "canceled"):
        return {"past_due": "Unpaid.", "canceled": "Ended."}[book.subscription_status]
    if book.paid:
        return "Paid."
    return {"open": "Waiting to be paid.", "complete": "Declined.", "expired": "Closed."}[book.status]


def _possible(book: SessionBook) -> tuple[str, ...]:
    if book.status == "open":
        return ("pay", "decline", "close")
    taken_back = book.is_disputed or book.refunded_amount == book.amount
    back = ("refund", "dispute") if book.paid and not taken_back else ()
    runs = book.subscription_status in ("active", "past_due")
    return (*back, *(("renew", "end") if runs else ()))


def _form_of(book: SessionBook, name: str) -> str:
    return _FORM.substitute(action=f"/sandbox/checkout/{escape(book.id, quote=True)}/{name}", label=name.capitalize())


_FORM = Template("""
<form method="post" action="$action">
  <button>$label</button>
  <details><summary>Unkindly</summary>
    <label>Duplicates <input name="duplicates" type="number" min="0" max="50" value="0"></label>
    <label>Delay (ms) <input name="delayMs" type="number" min="0" max="60000" value="0"></label>
    <label><input name="shuffle" type="checkbox"> Out of order</label>
  </details>
</form>""")

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Payment sandbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 10vh auto; padding: 0 1rem }
  button { font: inherit; width: 100%; padding: .6rem; margin-top: .8rem; cursor: pointer }
  label { display: block } small { color: #666 }
</style></head>
<body>
<p><small>Payment sandbox: no money moves here.</small></p>
<h1>$price</h1>
<p>$title</p>
<p><strong>$state</strong></p>
$forms
<p><a href="$back">Back to where you came from</a></p>
</body></html>
""")
