"""What every test shares: one PostgreSQL and one Redis for the run, a database for each worker.

The process that controls the run starts the servers and migrates a template; each worker gets a
copy of it. Tests of services and of the API run in a transaction that is rolled back; tests that
need real commits take `committed_db`, a fresh copy of the template for themselves.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psycopg2
import pytest
import redis

import bootstrap
import settings as configuration
from db.connection import close_database, database
from services.bus import bus
from settings import Settings
from tests.fakes import FakeJobs
from tests.folders import open_folder

TEMPLATE = "astrotv_template"
#: Tests must not sign in slowly, nor reach a server that somebody runs for real.
FIXED = {
    "BCRYPT_ROUNDS": "4",
    "SLOW_QUERY_MS": "0",
    "LOG_LEVEL": "warning",
    "LOG_FORMAT": "console",
    "ASTROTV_ENV": "development",
    "LIST_KEPT_MS": "0",
}

_servers = ExitStack()
_shared = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers, once a run; under xdist the controller does."""
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None:
        config.stash[_shared] = workerinput["astrotv_environment"]
    elif not config.option.collectonly:
        config.stash[_shared] = _start_servers()
    if _shared in config.stash:
        environment: dict[str, str] = config.stash[_shared]
        os.environ.update(environment)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell an xdist worker where the servers are."""
    node.workerinput["astrotv_environment"] = node.config.stash[_shared]  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _servers.close()


def _start_servers() -> dict[str, str]:
    import embedded
    from db.migrate import migrate

    folder = _servers.enter_context(open_folder("astrotv-tests-"))
    kept = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
    environment = _servers.enter_context(
        embedded.servers(folder / "data", kept | FIXED | {"DATA_DIR": f"{folder}/data"}, durable=False)
    )
    owner = environment["DATABASE_OWNER_URL"]
    _execute(owner, f"CREATE DATABASE {TEMPLATE}")
    migrate(_named(owner, TEMPLATE))
    return environment


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """The name of this xdist worker; `main` without xdist."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def settings(
    request: pytest.FixtureRequest, worker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings of this worker: its own database (made, or lent by the controller), Redis database and folder."""
    base = configuration.load(os.environ)
    number = int(worker[2:]) + 1 if worker.startswith("gw") else 0
    folder = tmp_path_factory.mktemp("data")
    lent: str | None = getattr(request.config, "workerinput", {}).get("astrotv_database")
    made = nullcontext(lent) if lent else _copy_of_template(base.database_owner_url, f"astrotv_{worker}")
    with made as url:
        yield msgspec.structs.replace(
            base,
            database_url=url,
            database_owner_url=url,
            redis_url=f"{base.redis_url}?db={number}",
            celery_broker_url=f"{base.redis_url}?db={number}",
            data_dir=folder,
            hls_path=folder / "media",
            media_storage=f"file:{folder / 'media'}",
        )


@pytest.fixture(scope="session")
def opened(settings: Settings) -> Iterator[Settings]:
    """The database and the bus of this worker, open."""
    bootstrap.open_stores(settings, pool_size=40, jobs=FakeJobs())
    yield settings
    close_database()


@pytest.fixture
def jobs(opened: Settings) -> FakeJobs:
    """The jobs that were sent during the test."""
    bus.jobs = FakeJobs()
    return bus.jobs


@pytest.fixture
def redis_client(opened: Settings) -> Iterator["redis.Redis"]:
    """An empty Redis."""
    bus.redis.flushdb()
    yield bus.redis


@pytest.fixture
def db(opened: Settings, redis_client: "redis.Redis", jobs: FakeJobs) -> Iterator[None]:
    """A transaction that the test sees through and that is rolled back after it."""
    database.connect()
    transaction = database.transaction()
    transaction.__enter__()
    try:
        yield
    finally:
        transaction.rollback(False)
        database.pop_transaction()
        database.close()


@pytest.fixture
def committed_db(opened: Settings, redis_client: "redis.Redis", jobs: FakeJobs, worker: str) -> Iterator[Settings]:
    """A database for this test alone, in which commits are real; yields the settings that name it."""
    close_database()
    with _copy_of_template(opened.database_owner_url, f"astrotv_{worker}_own") as url:
        own = msgspec.structs.replace(opened, database_url=url, database_owner_url=url)
        bootstrap.open_stores(own, pool_size=40, jobs=jobs)
        try:
            yield own
        finally:
            close_database()
            bootstrap.open_stores(opened, pool_size=40, jobs=FakeJobs())


@contextmanager
def own_database(settings: Settings, name: str) -> Iterator[str]:
    """A migrated, empty database beside the worker's; yields its URL."""
    with _copy_of_template(settings.database_owner_url, name) as url:
        yield url


@contextmanager
def _copy_of_template(owner_url: str, name: str) -> Iterator[str]:
    maintenance = _named(owner_url, "postgres")
    _execute(maintenance, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _execute(maintenance, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield _named(owner_url, name)
    finally:
        _execute(maintenance, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _named(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        connection.cursor().execute(statement)
    finally:
        connection.close()
