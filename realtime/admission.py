"""Who may connect: limits on sockets, the plain HTTP answers, and the addresses of the server."""

from collections import Counter
from http import HTTPStatus

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from realtime import handshake
from realtime.metrics import Metrics
from services.client_addresses import client_address, is_forwarded, is_internal, network
from settings import Settings

CONNECTIONS_A_PROCESS = 20_000


class Admission:
    """Decides on the first request of each connection."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._by_address: Counter[str] = Counter()
        self.is_shut = False
        self.origins = _origins(settings)

    def read(self, request: Request, peer: str) -> tuple[handshake.Request, str] | Response:
        """What is asked for and from which address, of IPv6 the network; a response where that is all."""
        asked = handshake.read_request(request.path, request.headers)
        if asked is None or (asked.kind == "metrics" and (is_forwarded(request.headers) or not is_internal(peer))):
            return plain(HTTPStatus.NOT_FOUND, b'{"success":false,"error":"Nothing is here.","code":"not_found"}')
        if asked.kind == "health":
            return plain(HTTPStatus.OK, msgspec.json.encode({"success": True, "data": {"status": "ok"}}))
        if asked.kind == "metrics":
            return plain(HTTPStatus.OK, self._metrics.exposition(), "text/plain; version=0.0.4; charset=utf-8")
        forwarded = ",".join(request.headers.get_all("X-Forwarded-For"))
        address = client_address(peer, forwarded, self._settings.trusted_proxies)
        place = network(address) or address
        return self._refusal(place) or (asked, place)

    def enter(self, address: str) -> None:
        self._by_address[address] += 1
        self._metrics.connections.inc()

    def leave(self, address: str) -> None:
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]
        self._metrics.connections.dec()

    def _refusal(self, address: str) -> Response | None:
        if self.is_shut or self._by_address.total() >= CONNECTIONS_A_PROCESS:
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, _error("unavailable", "Try again soon."), retry_after_s=2)
        if self._by_address[address] >= self._settings.ws_max_connections_per_address:
            return plain(
                HTTPStatus.TOO_MANY_REQUESTS, _error("too_many_connections", "Too many sockets."), retry_after_s=10
            )
        return None


def plain(
    status: HTTPStatus, body: bytes, content_type: str = "application/json", *, retry_after_s: int | None = None
) -> Response:
    """An HTTP response after which the connection closes."""
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"})
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return Response(status.value, status.phrase, headers, body)


def _error(code: str, message: str) -> bytes:
    return msgspec.json.encode({"success": False, "error": message, "code": code})


def _origins(settings: Settings) -> list[str | None] | None:
    """Acceptable `Origin` headers; None (the header) is a client that is no browser."""
    if "*" in settings.cors_origins:
        return None
    return [None, *settings.cors_origins, settings.frontend_url, settings.public_url]
