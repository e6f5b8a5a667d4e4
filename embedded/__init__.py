"""Real PostgreSQL, Redis and ffmpeg from wheels, so that a fresh machine needs nothing but Python.

`servers(folder)` starts what the environment does not already name and yields the completed
environment; `attached(folder)` finds the servers of a running `manage.py up`, or starts them for
the length of one command.
"""

from embedded.environment import Servers, attached, servers
from embedded.errors import EmbeddedError

__all__ = ["EmbeddedError", "Servers", "attached", "servers"]
