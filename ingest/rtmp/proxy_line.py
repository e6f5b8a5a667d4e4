"""The line in which a balancer says who connected, before anything that the encoder sends.

Source: the PROXY protocol, version 1 (haproxy.org, proxy-protocol.txt, 2.1).
"""

from ipaddress import ip_address
from typing import Final

from ingest.errors import ProtocolError

#: With its CRLF.
LONGEST_LINE: Final = 107


class ProxyLine:
    """Reads the line; `address` is the encoder's, empty where the balancer does not know it."""

    def __init__(self) -> None:
        self.address = ""
        self.done = False
        self._heard = b""

    def receive(self, data: bytes) -> bytes:
        """Return what follows the line, nothing before it is whole; raises ProtocolError."""
        self._heard += data
        line, end, rest = self._heard.partition(b"\r\n")
        if not end:
            if len(self._heard) >= LONGEST_LINE or not b"PROXY ".startswith(self._heard[:6]):
                raise ProtocolError("the balancer does not say who connects")
            return b""
        self.address = _source(line)
        self.done = True
        return rest


def _source(line: bytes) -> str:
    words = line.split(b" ")
    if words[:2] == [b"PROXY", b"UNKNOWN"]:
        return ""
    if len(words) != 6 or words[0] != b"PROXY" or words[1] not in (b"TCP4", b"TCP6"):
        raise ProtocolError("the balancer does not say who connects")
    try:
        return str(ip_address(words[2].decode("ascii")))
    except ValueError as malformed:
        raise ProtocolError("the balancer names no address") from malformed
