"""The embedded servers as a stack uses them: started, found, killed and started again."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg2
import pytest
from redis import Redis

import embedded
from embedded import EmbeddedError
from embedded.folder import OUTSIDE
from operations.project import ROOT


def value_of(environment: dict[str, str], query: str) -> object:
    connection = psycopg2.connect(environment["DATABASE_OWNER_URL"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def test_data_outlive_a_restart_in_a_path_with_spaces(folder: Path) -> None:
    data = folder / "a b"
    with embedded.servers(data, {}) as environment:
        value_of(environment, "CREATE TABLE kept AS SELECT 7 AS number")
        with Redis.from_url(environment["REDIS_URL"]) as client:
            client.set("kept", "7")
    with embedded.servers(data, {}) as environment:
        assert value_of(environment, "SELECT number FROM kept") == 7
        with Redis.from_url(environment["REDIS_URL"]) as client:
            assert client.get("kept") == b"7"


def test_the_servers_are_durable_and_listen_on_no_address(folder: Path) -> None:
    with embedded.servers(folder / "d", {}) as environment:
        assert value_of(environment, "SHOW fsync") == "on"
        assert value_of(environment, "SHOW listen_addresses") == ""
        with Redis.from_url(environment["REDIS_URL"]) as client:
            settings = client.config_get("*")
        assert (settings["port"], settings["appendonly"], settings["appendfsync"]) == ("0", "yes", "everysec")


def test_only_the_owner_reads_the_secrets_and_they_stay_the_same(folder: Path) -> None:
    with embedded.opened(folder / "d", {}) as first:
        before = first.environment
    with embedded.opened(folder / "d", {}) as second:
        after = second.environment
    assert (folder / "d" / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert before["JWT_SECRET"] == after["JWT_SECRET"]
    assert len(before["JWT_SECRET"]) >= 32


def test_production_is_given_no_secret(folder: Path) -> None:
    with embedded.opened(folder / "d", {"ASTROTV_ENV": "production"}) as servers:
        assert "JWT_SECRET" not in servers.environment


def test_what_the_environment_names_is_used_instead(folder: Path) -> None:
    given = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://cache/0", "FFMPEG_BINARY": "/bin/true"}
    with embedded.servers(folder / "d", given) as environment:
        assert environment.items() >= given.items()
        assert not (folder / "d" / "postgres").exists()


def test_a_second_stack_in_the_same_folder_is_refused(folder: Path) -> None:
    with (
        embedded.opened(folder / "d", {}),
        pytest.raises(EmbeddedError, match="another AstroTV is running"),
        embedded.servers(folder / "d", {}),
    ):
        pass


def test_a_command_finds_the_servers_that_run(folder: Path) -> None:
    with embedded.servers(folder / "d", {}) as running, embedded.attached(folder / "d", {}) as found:
        assert found["DATABASE_URL"] == running["DATABASE_URL"]
        assert found["JWT_SECRET"] == running["JWT_SECRET"]


def test_a_command_starts_the_servers_for_itself_when_none_run(folder: Path) -> None:
    with embedded.attached(folder / "d", {}) as environment:
        assert value_of(environment, "SELECT 1") == 1
    assert not (folder / "d" / "running.json").exists()


def test_a_path_too_long_for_sockets_works(folder: Path) -> None:
    data = folder / ("long" * 30)
    with embedded.servers(data, {}) as environment:
        assert value_of(environment, "SELECT 1") == 1
        assert str(data) not in environment["DATABASE_URL"]
        sockets = Path(parse_qs(urlsplit(environment["DATABASE_URL"]).query)["host"][0])
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


def test_a_forgetful_cluster_leaves_nothing(folder: Path) -> None:
    with embedded.servers(folder / "d", {}, durable=False) as environment:
        assert value_of(environment, "SHOW fsync") == "off"
        cluster = (folder / "d" / "postgres").resolve()
    assert not cluster.exists()


def test_a_folder_that_only_its_owner_reaches_stays_closed_and_works(folder: Path) -> None:
    folder.chmod(0o700)
    with embedded.opened(folder / "d", {}) as servers:
        servers.start()
        assert value_of(servers.environment, "SELECT 1") == 1
        assert bool(servers.remark) is (folder / "d" / "postgres").is_symlink()
    cluster = (folder / "d" / "postgres").resolve()
    assert cluster.is_relative_to(OUTSIDE if os.geteuid() == 0 else folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(cluster)


HOLD = """
import os, signal, sys
from pathlib import Path
import embedded
with embedded.servers(Path(sys.argv[1]), {}):
    print("up", flush=True)
    signal.pause()
"""


def test_servers_end_with_a_killed_owner_and_start_again(folder: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder / "d")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "up\n"
    children = psutil.Process(owner.pid).children()
    assert {child.name() for child in children} == {"postgres", "redis-server"}
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert psutil.wait_procs(children, timeout=60)[1] == []
    with embedded.servers(folder / "d", {}) as environment:
        assert value_of(environment, "SELECT 1") == 1


def test_a_stale_process_number_of_somebody_else_does_not_stop_the_start(folder: Path) -> None:
    with embedded.servers(folder / "d", {}):
        facts = (folder / "d" / "postgres" / "postmaster.pid").read_text().splitlines()
    facts[0] = str(os.getpid())
    (folder / "d" / "postgres" / "postmaster.pid").write_text("\n".join(facts) + "\n")
    (folder / "d" / "redis" / "redis.pid").write_text(str(os.getpid()))
    with embedded.servers(folder / "d", {}) as environment:
        assert value_of(environment, "SELECT 1") == 1


def test_a_server_that_died_is_started_again(folder: Path) -> None:
    with embedded.opened(folder / "d", {}) as servers:
        servers.start()
        assert not servers.restart_dead("redis")
        redis_server = psutil.Process(int((folder / "d" / "redis" / "redis.pid").read_text()))
        redis_server.kill()
        redis_server.wait()
        assert servers.restart_dead("redis")
        with Redis.from_url(servers.environment["REDIS_URL"]) as client:
            assert client.ping()
