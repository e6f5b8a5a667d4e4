"""Who acts, said to the server in front of a statement, in the same message.

Two settings that last for the transaction, which row-level security reads. `SET LOCAL` costs the server
a tenth of a short statement less than `SELECT set_config(…, true)`, whose rows nobody wants.
"""

import functools
import re

_INTRODUCTION = re.compile(
    r"(?:BEGIN; )?(SET LOCAL astrotv\.user_id = '[^']*'; SET LOCAL astrotv\.role = '[^']*'[^;]*); "
)


@functools.lru_cache(maxsize=4096)
def introduction(user_id: str, role: str, reason: str = "") -> str:
    """Tells the server, until the end of the transaction, who acts; no name may end a literal or a comment."""
    why = f" /* {reason} */" if reason else ""
    return f"SET LOCAL astrotv.user_id = '{user_id}'; SET LOCAL astrotv.role = '{role}'{why}; "


def parted(sql: str) -> tuple[str, str]:
    """What was said of who acts (empty where nothing was), and the statement behind it."""
    found = _INTRODUCTION.match(sql)
    return (found[1], sql[found.end() :].strip()) if found else ("", sql.removeprefix("BEGIN; ").strip())
