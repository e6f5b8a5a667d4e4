"""The Procfile: the one list of AstroTV's processes, read here and compared with the compose file."""

import shlex
from pathlib import Path

import msgspec
from honcho.environ import parse_procfile

from operations.project import ROOT


class ProcfileEntry(msgspec.Struct, frozen=True):
    """One process: its name and its command, as a list of arguments."""

    name: str
    command: list[str]

    @property
    def is_worker(self) -> bool:
        """Whether it is a Celery worker, which finishes its tasks when told to stop."""
        return self.name.startswith("worker")


def entries(path: Path = ROOT / "Procfile") -> list[ProcfileEntry]:
    """Return the processes in the order of the file."""
    found = parse_procfile(path.read_text()).processes
    return [ProcfileEntry(name, shlex.split(command)) for name, command in found.items()]
