"""Addresses that people give for media and pictures elsewhere: of the right kind, and of a public host.

AstroTV itself does not fetch them (players and browsers do, which must not be led into the networks that
they stand in), so a name is not resolved here; whatever comes to fetch one must also check the address
that it connects to.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

from services.errors import Invalid

YOUTUBE_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "youtu.be"})
VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{6,20}")

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
#: Names that lead nowhere public: RFC 6761, RFC 6762, RFC 8375, RFC 9476, and what home routers use.
_PRIVATE_NAMES = frozenset(
    {"localhost", "local", "localdomain", "internal", "intranet", "private", "lan", "home", "corp"}
    | {"svc", "arpa", "alt", "onion"}
)
#: What parsers leave out, or understand in different ways.
_AMBIGUOUS = re.compile(r"[\\\s\x00-\x20\x7f-\x9f]")
#: IPv4 inside of IPv6: RFC 6052 (NAT64), RFC 4291 (the old compatible form), RFC 2765 (translated).
_WRAPPERS = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
#: What older tables of Python's take for public: IPv4 inside of IPv6 in a network (RFC 8215), a site's own addresses
#: (RFC 3879), segments of a route (RFC 9602), documentation (RFC 9637), and relays that are no more (RFC 7526).
_NOT_PUBLIC = tuple(
    map(ipaddress.ip_network, ("64:ff9b:1::/48", "fec0::/10", "5f00::/16", "3fff::/20", "192.88.99.0/24"))
)
_FIELD = "sourceUrl"
_PICTURES = ("https", "http")


def check_public_url(url: str, schemes: tuple[str, ...], field: str = _FIELD) -> None:
    """See that a URL has one of the schemes and a public host, and carries no password; raises Invalid."""
    parts = _split(url, field)
    if parts.scheme not in schemes:
        raise Invalid.field(field, f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}", "bad_url")
    if parts.username is not None or parts.password is not None:
        raise Invalid.field(field, "must not carry a user name or password", "bad_url")
    if not is_public_host(parts.hostname or ""):
        raise Invalid.field(field, "must name a public host", "private_address")


def check_picture(columns: Mapping[str, object], field: str) -> None:
    """See that the picture among what is to be stored, if there is one, is a path of ours or public; raises Invalid."""
    url = columns.get(field)
    if not isinstance(url, str):
        return
    if not url.startswith("/") or _split(url, field).netloc:
        check_public_url(url, _PICTURES, field)


def youtube_video_id(url: str) -> str:
    """The video that a YouTube address (or a bare video id) names; raises Invalid."""
    if VIDEO_ID.fullmatch(url):
        return url
    parts = _split(url, _FIELD)
    found = _video_in(parts) if parts.scheme in ("http", "https") and parts.hostname in YOUTUBE_HOSTS else None
    if found is None or not VIDEO_ID.fullmatch(found):
        raise Invalid.field(_FIELD, "must be the address of a YouTube video", "bad_url")
    return found


def is_public_host(host: str) -> bool:
    """Whether a host is a name or an address that lies, by its form, in the public internet."""
    try:
        return _is_public_address(ipaddress.ip_address(host))
    except ValueError:
        return _is_public_name(host)


def _split(url: str, field: str) -> SplitResult:
    if _AMBIGUOUS.search(url):
        raise Invalid.field(field, "must not hold spaces, backslashes or control characters", "bad_url")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise Invalid.field(field, "is not an address", "bad_url") from error
    return parts


def _is_public_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _embedded(address)
        if inner is not None:
            return _is_public_address(inner)
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOT_PUBLIC)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address in the last bits of one that only wraps it, whatever a router makes of it."""
    if any(address in network for network in _WRAPPERS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_public_name(host: str) -> bool:
    try:
        labels = host.rstrip(".").encode("idna").decode().casefold().split(".")
    except UnicodeError:
        return False
    # A last label that is a number makes the whole an IPv4 address in one of its old spellings.
    return (
        len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not _NUMBER.fullmatch(labels[-1])
        and labels[-1] not in _PRIVATE_NAMES
    )


def _video_in(parts: SplitResult) -> str | None:
    path = parts.path.strip("/").split("/")
    if parts.hostname == "youtu.be":
        return path[0]
    if path[0] in ("live", "embed", "shorts", "v") and len(path) > 1:
        return path[1]
    return parse_qs(parts.query).get("v", [None])[0] if path[0] == "watch" else None
