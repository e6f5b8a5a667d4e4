"""What row-level security costs: `python -m bench.policies`, after `manage.py seed --size large`.

Every statement of the hot lists is run by EXPLAIN ANALYZE on one connection, in turns: past all policies
(as the owner of the schema), as the application for the person who asks, and as the application for the
platform. Medians of planning and execution; the folder is the one that DATA_DIR names.
"""

import os
import sys
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import psycopg2

import bootstrap
import settings as configuration
from bench.list_plans import AS_THE_APPLICATION, Call, Statement, hearing, lists
from db.connection import APPLICATION_ROLE, acting_as, connection, query
from db.introduction import parted
from embedded import attached
from operations.project import data_dir, environment
from services import sessions, users, wallets
from services.ids import new_id
from services.sessions import Device

ROUNDS = 21
#: Nobody, past every policy; a person; the platform.
WAYS = ("none", "person", "platform")


def main() -> int:
    """Print a line a list."""
    environ = environment()
    with attached(data_dir(environ), environ) as found:
        settings = configuration.load(found)
        os.environ.update(found)
        bootstrap.open_stores(settings)
        line = psycopg2.connect(settings.database_owner_url, options=AS_THE_APPLICATION)
        try:
            with connection():
                _report(line)
        finally:
            line.close()
            bootstrap.stop()
    return 0


def _report(line: Any) -> None:
    [(reader,)] = query("SELECT id FROM users WHERE username = 'reader_0'")
    print(f"{'':<36} {'without, ms':>12} {'person, ms':>12} {'platform, ms':>12}   added for a person")
    for name, call in (lists() | _more(reader)).items():
        with acting_as(str(reader), "viewer"), hearing() as heard:
            call()
        times = {way: [] for way in WAYS}  # type: dict[str, list[float]]
        for _ in range(ROUNDS):
            for way in WAYS:
                times[way].append(sum(_run(line, way, reader, statement) for statement in _readings(heard.statements)))
        without, person, platform = (median(times[way]) for way in WAYS)
        print(f"{name:<36} {without:12.3f} {person:12.3f} {platform:12.3f}   {person - without:+.3f} ms", flush=True)


def _more(reader: Any) -> dict[str, Call]:
    session = sessions.open_session(reader, Device())
    wallets.grant(reader, 1, reference=new_id(), key=str(new_id()))
    more: dict[str, Callable[[], object]] = {
        "who presents a token": lambda: sessions.verify_access_token(session.access_token),
        "me": lambda: users.me(reader),
        "wallet": lambda: wallets.wallet_of(reader),
    }
    return more


def _readings(heard: list[Statement]) -> Iterator[Statement]:
    for sql, parameters in heard:
        wanted = parted(sql)[1]
        if wanted.lstrip().upper().startswith(("SELECT", "WITH")):
            yield wanted, parameters


def _run(line: Any, way: str, person: Any, statement: Statement) -> float:
    """Milliseconds that planning and running it took, by the server's own clock."""
    sql, parameters = statement
    with line, line.cursor() as cursor:
        if way != "none":
            cursor.execute(f"SET LOCAL ROLE {APPLICATION_ROLE}")
            cursor.execute(
                "SELECT set_config('astrotv.user_id', %s, true), set_config('astrotv.role', %s, true)",
                (str(person), "viewer") if way == "person" else ("", "system"),
            )
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", parameters or None)
        plan = cursor.fetchone()[0][0]
    return float(plan["Planning Time"]) + float(plan["Execution Time"])


if __name__ == "__main__":
    sys.exit(main())
