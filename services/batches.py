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
