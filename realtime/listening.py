"""Sockets to listen on: one, or several that share a port so that as many processes can."""

import socket


class PortTaken(Exception):
    """Another program listens there; says where, in one line."""


def listen(host: str, port: int, copies: int = 1) -> list[socket.socket]:
    """Bind `copies` sockets to one port (0: any); raises PortTaken.

    Only copies started together share the port: a stray second start must fail and not take
    half of the connections.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = _bound(family, host, port, shared=False)
    if copies == 1:
        return [first]
    port = int(first.getsockname()[1])
    first.close()
    return [_bound(family, host, port, shared=True) for _ in range(copies)]


def _bound(family: int, host: str, port: int, *, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
        sock.listen(4096)
    except OSError as error:
        sock.close()
        raise PortTaken(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    sock.setblocking(False)
    return sock
