"""A stand-in for a LiveKit server: checks the signature and grants of each call, keeps ingresses, signs webhooks."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import jwt
from livekit import api

KEY, SECRET = "APIstandin", "a-secret-of-the-stand-in-that-is-long-enough"


class FakeLiveKit:
    """What the server holds; `calls` are the methods called, `away` makes it answer 503."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[str] = []
        self.ingresses: dict[str, api.IngressInfo] = {}
        self.closed_rooms: list[str] = []
        self.published_rooms: set[str] = set()
        self.away = False

    def answer(self, method: str, body: bytes) -> Any:
        """The reply to one call; None where there is no such thing."""
        self.calls.append(method)
        match method:
            case "CreateIngress":
                return self._create(api.CreateIngressRequest.FromString(body))
            case "ListIngress":
                wanted = api.ListIngressRequest.FromString(body).ingress_id
                return api.ListIngressResponse(items=[i for key, i in self.ingresses.items() if key == wanted])
            case "DeleteIngress":
                return self.ingresses.pop(api.DeleteIngressRequest.FromString(body).ingress_id, None)
            case "ListRooms":
                asked = api.ListRoomsRequest.FromString(body).names
                rooms = [api.Room(name=name, num_publishers=1) for name in asked if name in self.published_rooms]
                return api.ListRoomsResponse(rooms=rooms)
            case "DeleteRoom":
                self.closed_rooms.append(api.DeleteRoomRequest.FromString(body).room)
                return api.DeleteRoomResponse()
        return None

    def _create(self, asked: api.CreateIngressRequest) -> api.IngressInfo:
        number = len(self.calls)
        made = api.IngressInfo(
            ingress_id=f"IN_{number}",
            stream_key=f"key-{number}",
            url="rtmp://livekit.example/x" if asked.input_type == 0 else "https://livekit.example/w",
            input_type=asked.input_type,
            room_name=asked.room_name,
            participant_identity=asked.participant_identity,
        )
        self.ingresses[made.ingress_id] = made
        return made


class _Handler(BaseHTTPRequestHandler):
    server_version = "livekit-stand-in"
    livekit: ClassVar[FakeLiveKit]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        service, _, method = self.path.removeprefix("/twirp/livekit.").partition("/")
        if self.livekit.away:
            self._reply(503, b'{"code":"unavailable","msg":"away"}')
        elif not _is_granted(self.headers.get("Authorization", ""), service):
            self._reply(401, b'{"code":"unauthenticated","msg":"no permission"}')
        elif (reply := self.livekit.answer(method, body)) is None:
            self._reply(404, b'{"code":"not_found","msg":"no such thing"}')
        else:
            self._reply(200, reply.SerializeToString())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/protobuf" if status == 200 else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _is_granted(authorization: str, service: str) -> bool:
    try:
        claims = api.TokenVerifier(KEY, SECRET).verify(authorization.removeprefix("Bearer "))
    except jwt.PyJWTError:
        return False
    video = claims.video or api.VideoGrants()
    return bool(video.ingress_admin if service == "Ingress" else video.room_create or video.room_list)


@contextmanager
def fake_livekit() -> Iterator[FakeLiveKit]:
    """Run the stand-in on a port of the system's choice."""
    livekit = FakeLiveKit()
    handler = type("Handler", (_Handler,), {"livekit": livekit})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        livekit.url = f"ws://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield livekit
        finally:
            server.shutdown()
            thread.join()


def webhook(
    event: Mapping[str, Any], *, secret: str = SECRET, lasts: timedelta = timedelta(minutes=5)
) -> tuple[bytes, str]:
    """A webhook's body and Authorization, signed as LiveKit signs: the body's SHA-256 inside a token."""
    body = json.dumps(event).encode()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return body, api.AccessToken(KEY, secret).with_sha256(digest).with_ttl(lasts).to_jwt()
