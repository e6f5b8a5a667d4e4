"""A PostgreSQL of a test's own, which may be stopped and started again, or frozen where it stands."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from embedded.folder import DataFolder
from embedded.postgres import Postgres


class OwnPostgres:
    """A real server on a socket that stays the same over its restarts."""

    def __init__(self, folder: Path) -> None:
        self._folder = DataFolder(folder)
        self._folder.make()
        self._server = Postgres(self._folder, self._folder.make_sockets(), durable=False)
        self._frozen: list[psutil.Process] = []
        self.url = self._server.url()

    def open(self) -> None:
        """Start it."""
        self._server.start()

    def shut(self) -> None:
        """Stop it, as an operator does."""
        self._server.stop()

    def freeze(self) -> None:
        """Let it stand still: lines stay open, and nobody is answered."""
        pid = int((self._folder.cluster.resolve() / "postmaster.pid").read_text().split()[0])
        postmaster = psutil.Process(pid)
        self._frozen = [postmaster, *postmaster.children()]
        for process in self._frozen:
            process.suspend()

    def thaw(self) -> None:
        """Let it go on."""
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def remove(self) -> None:
        self._folder.remove_sockets()
        self._folder.remove_cluster()


@contextlib.contextmanager
def open_postgres(folder: Path) -> Iterator[OwnPostgres]:
    """An empty server, running inside the block."""
    postgres = OwnPostgres(folder)
    postgres.open()
    try:
        yield postgres
    finally:
        postgres.thaw()
        postgres.shut()
        postgres.remove()
