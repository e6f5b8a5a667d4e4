"""How a request that cannot be read is refused: in the words that every refusal of the API has, none of them its own.

gunicorn's page is HTML, and shows the request again.
"""

from http import HTTPStatus

import msgspec
from gunicorn.http import errors

#: By gunicorn's exceptions: what is not named here and could not be parsed is a malformed head.
KNOWN: dict[type[Exception], tuple[HTTPStatus, str, str]] = {
    errors.LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "uri_too_long", "The address is too long."),
    errors.LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers_too_large",
        "The head of the request has too many fields, or too long ones.",
    ),
    errors.UnsupportedTransferCoding: (
        HTTPStatus.NOT_IMPLEMENTED,
        "unsupported_transfer_coding",
        "Bodies come as they are or in chunks.",
    ),
    errors.ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "expectation_failed", "Only 100-continue is expected."),
}
#: What is wrong with a header that we would have sent.
OF_ANSWERS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
MALFORMED = (HTTPStatus.BAD_REQUEST, "malformed", "The request is not HTTP/1.1 as RFC 9112 has it.")
OURS = (HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong on our side.")


def refusal_of(error: Exception) -> tuple[HTTPStatus, bytes]:
    """The status, and the whole answer, after which the connection ends."""
    is_theirs = isinstance(error, errors.ParseException) and not isinstance(error, OF_ANSWERS)
    status, code, text = KNOWN.get(type(error), MALFORMED if is_theirs else OURS)
    body = msgspec.json.encode({"success": False, "error": text, "code": code})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return status, head.encode() + body
