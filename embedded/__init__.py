"""Real PostgreSQL, Redis and ffmpeg from wheels, so that a fresh machine needs nothing but Python.

`servers(folder)` starts what the environment does not already name and yields the completed
environment; `attached(folder)` finds the servers of a running `manage.py up`, or runs them for
the length of one command; `opened(folder)` holds the folder and leaves starting to the caller.
"""

from embedded.environment import Servers, attached, opened, servers
from embedded.errors import EmbeddedError

__all__ = ["EmbeddedError", "Servers", "attached", "opened", "servers"]
