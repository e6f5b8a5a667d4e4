"""`manage.py` as an operator runs it: from outside, in a folder of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations import commands, procfile
from operations.project import ROOT
from settings import NAMES
from tests.folders import open_folder


class Operator:
    """Somebody at a terminal with one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {name: value for name, value in os.environ.items() if name not in NAMES}

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environ = self.environ | {"DATA_DIR": str(self.folder), "BCRYPT_ROUNDS": "4"} | settings
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words],
            capture_output=True,
            text=True,
            env=environ,
            cwd=self.folder.parent,
            check=False,
        )


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with open_folder("astrotv operator ") as place:
        yield Operator(place / "data")


@pytest.fixture(scope="module")
def seeded(operator: Operator) -> Operator:
    """An operator whose stack has its demo data."""
    done = operator.run("seed")
    assert done.returncode == 0, done.stderr
    assert "viewer@example.com" in done.stdout
    return operator


def test_a_fresh_stack_passes_its_check(seeded: Operator) -> None:
    done = seeded.run("check")
    assert done.returncode == 0, done.stdout
    assert "schema: as the models say" in done.stdout


def test_the_books_of_the_demo_data_agree(seeded: Operator) -> None:
    assert seeded.run("reconcile").stdout.strip().endswith("the books agree")


def test_migrating_twice_does_nothing(seeded: Operator) -> None:
    assert "nothing to do" in seeded.run("migrate").stdout


def test_the_schema_is_printed_as_sql(seeded: Operator) -> None:
    assert "CREATE TABLE public.users" in seeded.run("schema").stdout


def test_an_administrator_is_made_once(seeded: Operator) -> None:
    words = ("create-admin", "--email", "root@example.org", "--password", "a long enough one")
    assert "is an administrator" in seeded.run(*words).stdout
    again = seeded.run(*words)
    assert again.returncode == 1
    assert again.stderr == "astrotv: This e-mail address has an account already.\n"


@pytest.mark.parametrize(
    ("name", "value"), [("JWT_EXPIRES_IN", "soon"), ("PORT", "99999"), ("JWT_SECRET", "short"), ("LOG_LEVEL", "loud")]
)
def test_a_bad_setting_is_one_line_that_names_it(operator: Operator, name: str, value: str) -> None:
    done = operator.run("check", **{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"astrotv: {name}: ")
    assert done.stderr.count("\n") == 1


def test_production_without_secrets_is_refused_by_name(operator: Operator) -> None:
    done = operator.run("check", ASTROTV_ENV="production", BCRYPT_ROUNDS="12")
    assert (done.returncode, done.stderr) == (2, "astrotv: JWT_SECRET: is missing; see .env.example\n")


@pytest.mark.parametrize("command", ["migrate", "check", "reconcile", "seed", "reencrypt", "backup"])
def test_a_database_that_is_away_is_one_line(operator: Operator, command: str) -> None:
    done = operator.run(command, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", REDIS_URL="redis://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith("astrotv: ")
    assert done.stderr.count("\n") == 1


def test_a_backup_brings_everything_back_in_another_folder(seeded: Operator, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    media = seeded.folder / "media" / "hls" / "a"
    media.mkdir(parents=True, exist_ok=True)
    (media / "0.m4s").write_bytes(b"picture")
    assert seeded.run("backup", str(archive)).returncode == 0
    assert archive.stat().st_mode & 0o777 == 0o600
    other = Operator(seeded.folder.parent / "other")
    assert other.run("restore", str(archive)).returncode == 1, "it must be asked twice"
    done = other.run("restore", "--yes", str(archive))
    assert done.returncode == 0, done.stderr
    assert other.run("seed").stdout == seeded.run("seed").stdout
    assert (other.folder / "media" / "hls" / "a" / "0.m4s").read_bytes() == b"picture"
    assert other.run("check").returncode == 0


def test_mail_and_jobs_that_cannot_be_sent_are_found(seeded: Operator) -> None:
    away = {"SMTP_URL": "smtp://127.0.0.1:9", "CELERY_BROKER_URL": "redis://127.0.0.1:9/0"}
    done = seeded.run("check", **away)
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong: ")]
    assert [line.split(":")[1].strip() for line in wrong] == ["CELERY_BROKER_URL", "SMTP_URL"]
    assert "row-level security: holds the role astrotv_app" in done.stdout


def test_restarting_what_does_not_run_is_one_line(seeded: Operator) -> None:
    done = seeded.run("restart", "api")
    assert (done.returncode, done.stderr) == (1, f"astrotv: no `manage.py up` runs in {seeded.folder}\n")


def test_taking_migrations_back_wants_a_yes_and_a_known_id(seeded: Operator) -> None:
    assert "say --yes" in seeded.run("migrate", "--back-to", "0001_accounts").stderr
    done = seeded.run("migrate", "--back-to", "0000_nothing", "--yes")
    assert done.returncode == 1
    assert "0000_nothing is not among what has been applied" in done.stderr


@pytest.mark.parametrize("place", ["no/such/folder/backup.tar", ".", "pipe"])
def test_a_backup_that_cannot_be_written_is_one_line(seeded: Operator, tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = seeded.run("backup", str(tmp_path / place))
    assert done.returncode == 1
    assert done.stderr.startswith(f"astrotv: {tmp_path}")
    assert done.stderr.count("\n") == 1


def test_a_log_file_that_cannot_be_written_is_refused_before_anything_starts(operator: Operator) -> None:
    done = operator.run("up", LOG_FILE="no/such/folder/astrotv.log")
    assert done.returncode == 2
    assert done.stderr.startswith("astrotv: LOG_FILE: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", [entry.name for entry in procfile.entries()])
def test_each_process_refuses_a_bad_setting_in_one_line(operator: Operator, name: str) -> None:
    [entry] = [entry for entry in procfile.entries() if entry.name == name]
    bad = operator.environ | {"DATABASE_URL": "postgresql://x@h/x", "REDIS_URL": "redis://h", "JWT_SECRET": "short"}
    command = [sys.executable, *entry.command[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env=bad, cwd=ROOT, check=False)
    assert done.returncode != 0
    assert done.stderr.strip().endswith("JWT_SECRET: is too weak: it needs at least 32 characters")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_while_the_libraries_are_read_shows_no_traceback(operator: Operator) -> None:
    command = [sys.executable, "-X", "importtime", str(ROOT / "manage.py"), "up"]
    environ = operator.environ | {"DATA_DIR": str(operator.folder)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as up:
        assert up.stderr
        while "argparse" not in up.stderr.readline():
            assert up.poll() is None
        up.send_signal(signal.SIGINT)
        said = up.stderr.read()
    assert up.returncode == -signal.SIGINT
    assert "Traceback" not in said


def test_a_command_that_is_interrupted_stops_its_servers_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.COMMANDS["schema"], "run", interrupted)
    assert commands.main(["schema"]) == commands.INTERRUPTED
    assert capsys.readouterr().err == "astrotv: stopped\n"
