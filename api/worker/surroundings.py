"""What a request's environment says before anybody has asked anything: the server, the client, and who is trusted."""

import functools
from collections.abc import Mapping
from typing import Any

from gunicorn.http.message import HeaderPolicy
from gunicorn.http.wsgi import base_environ

from api.worker.plain_requests import environ_key


class Surroundings:
    """The same for all connections of a worker; `plain` says whether requests may be read as plain ones at all."""

    def __init__(self, config: Any, *, plain: bool) -> None:
        self._config, self._plain = config, plain
        self._common = {
            **base_environ(config),
            "wsgi.multithread": True,
            "wsgi.url_scheme": "http",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SCRIPT_NAME": "",
        }

    def of(self, client: Any, server: Any) -> dict[str, Any] | None:
        """The environment's beginning on a connection between these addresses; None where nothing there is plain."""
        if not self._plain or not isinstance(client, tuple):
            return None
        told = {"REMOTE_ADDR": client[0], "REMOTE_PORT": str(client[1])}
        return {**self._common, **told, "SERVER_NAME": server[0], "SERVER_PORT": str(server[1])}

    @functools.lru_cache(maxsize=1024)  # noqa: B019 - lives as long as the process
    def schemes(self, address: str) -> Mapping[str, str]:
        """The fields by which a peer may say that its client speaks HTTPS, each with the value that means so."""
        policy = HeaderPolicy()
        policy.cfg, policy.peer_addr = self._config, (address, 0)
        trusted, _ = policy._peer_trusted_for_forwarded()
        return {environ_key(name): value for name, value in trusted.items()}
