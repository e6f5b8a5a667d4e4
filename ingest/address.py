"""Where others reach this process's relay: an address of its own, although all containers have the same settings."""

import socket
from urllib.parse import urlsplit

from settings import Settings

LOCAL = "127.0.0.1"


def own_relay_url(settings: Settings) -> str:
    """The address to hand out; raises OSError where this machine's address cannot be told."""
    if not settings.relay_own_url:
        return settings.relay_url
    template = settings.relay_own_url
    host = _address_towards(settings.redis_url) if "{host}" in template else ""
    return template.replace("{host}", host).replace("{port}", str(settings.relay_port))


def _address_towards(url: str) -> str:
    """The address of the interface by which this machine reaches a host, as it stands in an address.

    A datagram socket that is connected sends nothing: it is told its way.
    """
    target = urlsplit(url)
    if target.scheme == "unix" or not target.hostname:
        return LOCAL
    family, kind, _, _, address = socket.getaddrinfo(target.hostname, target.port or 6379, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(address)
        host = str(probe.getsockname()[0])
    return f"[{host}]" if ":" in host else host
