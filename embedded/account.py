"""The system account PostgreSQL runs under when we are root, since its server refuses to be root."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from embedded.errors import EmbeddedError

ACCOUNT = "pgserver"  # the name that the wheel of PostgreSQL uses as well
LAST_RESORT = "nobody"


def server_account() -> str | None:
    """Return the account for PostgreSQL, made when it is missing; None when we are not root."""
    if os.geteuid() != 0:
        return None
    if not _exists(ACCOUNT):
        _create(ACCOUNT)
    for name in (ACCOUNT, LAST_RESORT):
        if _exists(name):
            return name
    raise EmbeddedError(
        f"PostgreSQL refuses to run as root: make an account named {ACCOUNT} for it, or run as an ordinary user"
    )


def give(path: Path, account: str | None) -> None:
    """Hand a folder to the account, closed to everybody else."""
    path.chmod(0o700)
    if account is not None:
        entry = pwd.getpwnam(account)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def can_write(path: Path, account: str | None) -> bool:
    """Say whether the account reaches the folder through all of its parents and may write there."""
    return _succeeds(["/bin/sh", "-c", 'cd "$1" && test -w .', "sh", str(path)], account)


def can_run(program: Path, account: str | None) -> bool:
    """Say whether the account reaches the program and may run it."""
    return _succeeds([str(program), "--version"], account)


def _succeeds(command: list[str], account: str | None) -> bool:
    groups: list[str] | None = None if account is None else []
    try:
        done = subprocess.run(
            command,
            cwd="/",
            capture_output=True,
            timeout=20,
            check=False,
            user=account,
            group=account,
            extra_groups=groups,
        )
    except OSError:
        return False
    return done.returncode == 0


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _create(name: str) -> None:
    """Make the account where the system can; whoever calls looks whether it is there."""
    useradd = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if useradd is not None:
        options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        subprocess.run([useradd, *options, name], capture_output=True, check=False)
