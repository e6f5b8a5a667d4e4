"""What broadcasts stand on: the process's settings and ways out, and the connection of an encoder."""

from pathlib import Path
from typing import Protocol

import msgspec

from ingest.seam import Broadcasts, Caller


class Publisher(Protocol):
    """The connection of an encoder, as far as a broadcast is concerned."""

    @property
    def address(self) -> str: ...

    def silent_s(self) -> float:
        """Return for how many seconds nothing has come."""
        ...

    def cut(self, code: str, description: str) -> None:
        """Tell the encoder why, and close."""
        ...


class Station(msgspec.Struct, frozen=True):
    """What every broadcast of a process shares. Durations in seconds.

    A publisher that has been silent for `takeover_after_s` may be replaced by another with the same
    key, after `silence_s` it is given up; `publish_within_s` is how long a connection may take to begin.
    Every `update_every_s` the services hear how the picture is, and are asked whether it may go on.
    `server` names this process, after a restart as before; `relay_url` is where others reach its relay.
    """

    server: str
    relay_url: str
    hls_folder: Path
    window_s: float
    grace_s: float
    broadcasts: Broadcasts
    call: Caller
    takeover_after_s: float = 5.0
    silence_s: float = 10.0
    publish_within_s: float = 10.0
    update_every_s: float = 4.0
