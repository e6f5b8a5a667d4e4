"""Whose address a request counts for, where proxies of ours stand in front; and which are not from outside."""

import ipaddress


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
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_private
