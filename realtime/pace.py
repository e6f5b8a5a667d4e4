"""How fast one socket may speak, whatever it says: so that nobody keeps the process busy alone. Pure."""

from realtime.protocol import Authenticate, Command, Join, Leave, SubscribeNotifications

#: Each of these reads the database.
COSTLY = (Authenticate, Join, Leave, SubscribeNotifications)

BURST = 60  # more than the rooms of one client, which all are joined again after a reconnect
COMMANDS_A_S = 20
COSTLY_A_S = 2
REFUSALS = 100  # so many, and the connection is closed


class Pace:
    """Two allowances, each one number: when it would be whole again (the generic cell rate algorithm)."""

    __slots__ = ("_commands_whole_at", "_costly_whole_at", "refusals")

    def __init__(self) -> None:
        self._commands_whole_at = self._costly_whole_at = 0.0
        self.refusals = 0

    def wait_s(self, command: Command, now: float) -> float:
        """Seconds until this command may be given, 0 where it may be at once; `now` is loop time."""
        if isinstance(command, COSTLY):
            wait_s, self._costly_whole_at = _spend(self._costly_whole_at, now, 1 / COSTLY_A_S)
        else:
            wait_s, self._commands_whole_at = _spend(self._commands_whole_at, now, 1 / COMMANDS_A_S)
        self.refusals += wait_s > 0
        return wait_s

    @property
    def is_hopeless(self) -> bool:
        """Whether the socket goes on although it was refused again and again."""
        return self.refusals >= REFUSALS


def _spend(whole_at: float, now: float, cost_s: float) -> tuple[float, float]:
    spent = max(whole_at, now) + cost_s
    wait_s = spent - now - BURST * cost_s
    return (wait_s, whole_at) if wait_s > 0 else (0.0, spent)
