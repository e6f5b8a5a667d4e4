"""Somebody who says far too much in one breath is told so, and leaves in good order."""

import json
import socket

from websockets.frames import Close as CloseData
from websockets.frames import Frame, Opcode

from realtime.protocol import Close
from tests.realtime.conftest import Start
from tests.realtime.fuzz import GREETING
from tests.realtime.running import LIMIT_S


def test_the_good_bye_of_a_socket_that_was_read_no_more_is_heard(start: Start) -> None:
    process = start()
    pings = [json.dumps({"type": "ping", "id": number}).encode() for number in range(200)]
    with socket.create_connection(("127.0.0.1", process.port), timeout=LIMIT_S) as sock:
        sock.sendall(GREETING % b"/ws")
        assert sock.recv(4096).startswith(b"HTTP/1.1 101")
        sock.sendall(b"".join(Frame(Opcode.TEXT, ping).serialize(mask=True) for ping in pings))
        good_bye = CloseData(Close.POLICY, "too many messages").serialize()
        heard = b""
        while good_bye not in heard:
            heard += sock.recv(65536)
        sock.sendall(Frame(Opcode.CLOSE, good_bye).serialize(mask=True))
        assert sock.recv(4096) == b"", "cut and not closed"
