"""Whose address a request counts for, where proxies of ours stand in front; and which are not from outside."""

import ipaddress
from collections.abc import Iterable

#: How proxies say it: by custom, by RFC 7239, by nginx' examples, by RFC 9110.
FORWARDED_BY = frozenset({"x-forwarded-for", "forwarded", "x-real-ip", "via"})


def client_address(peer: str, forwarded: str, trusted_proxies: int) -> str:
    """The address that the outermost of so many trusted proxies saw, or the peer's.

    `forwarded` is X-Forwarded-For, to which each proxy adds at the end: whatever stands further to
    the left than our own proxies, the client may have made up.
    """
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    if trusted_proxies == 0 or not hops:
        return peer
    seen = hops[-min(trusted_proxies, len(hops))]
    try:
        return str(ipaddress.ip_address(seen))
    except ValueError:
        return peer


def is_internal(peer: str) -> bool:
    """Whether a socket's other end is on this machine or on a network that is not part of the internet."""
    address = _parsed(peer)
    return address is not None and address.is_private


def is_forwarded(names: Iterable[str]) -> bool:
    """Whether a proxy says that it asks for somebody else, of whose request these are the names of the fields."""
    return any(name.casefold() in FORWARDED_BY for name in names)


def network(address: str) -> str:
    """The address; of IPv6 the /64 in which a household changes its address as it likes (RFC 8981). Empty for none."""
    parsed = _parsed(address)
    if parsed is None or parsed.version == 4:
        return str(parsed or "")
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address that was written as one; IPv4 inside of IPv6 is the same as without."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
