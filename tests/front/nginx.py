"""A real nginx for one test, with a configuration and a folder of its own."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.relay import eventually


@contextmanager
def running_nginx(configuration: str, folder: Path, port: int) -> Iterator[None]:
    """Run nginx in the foreground until the block ends; it answers on `port` from the beginning of the block on."""
    path = folder / "nginx.conf"
    path.write_text(f"daemon off;\n{'user root;' if os.geteuid() == 0 else ''}\n{configuration}")
    command = ["nginx", "-p", str(folder), "-c", str(path), "-e", str(folder / "error.log")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: answers(port) or process.poll() is not None)
            assert process.poll() is None, (folder / "error.log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(10)


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])
