"""Many rows changed a few at a time: each batch commits by itself, so that nobody waits for the whole."""

from collections.abc import Mapping

from db.connection import query

ROWS = 1000
MOST_BATCHES = 20


def run(sql: str, parameters: Mapping[str, object], *, most: int = ROWS * MOST_BATCHES) -> int:
    """Run a statement, which returns a row for each that it changes and takes `%(rows)s` of them, until none is left.

    Returns how many there were; `most` or more means that some may be left. Statements lock what they take and skip
    what another has locked, so that two at once share the work.
    """
    done = 0
    while done < most:
        batch = len(query(sql, {**parameters, "rows": ROWS}))
        done += batch
        if batch < ROWS:
            break
    return done


def deleting(table: str, key: str, which: str) -> str:
    """The statement for `run` that deletes the rows `which` says: a condition, and an order where one is wanted.

    `key` names the columns, parted by ", ", that tell one row from another.
    """
    columns = key.split(", ")
    found, chosen = (", ".join(f"{row}.{column}" for column in columns) for row in ("t", "due"))
    # Chosen apart: a join may ask IN (SELECT … LIMIT …) again for each row, and it passes over those just deleted.
    return f"""
WITH due AS MATERIALIZED (SELECT {key} FROM {table} WHERE {which} LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
DELETE FROM {table} t USING due WHERE ({found}) = ({chosen}) RETURNING 1"""  # noqa: S608 - built from constants
