"""Whose address a request counts for, where proxies of ours stand in front."""

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
