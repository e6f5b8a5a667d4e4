"""A container's health check: `python -m operations.probe URL`, or `FILE SECONDS` for a file kept fresh."""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_S = 4.0


def main(words: list[str]) -> int:
    """Return 0 when the address answers, or the file has been written in the last seconds."""
    if len(words) == 2:
        return 0 if is_fresh(Path(words[0]), float(words[1])) else 1
    return 0 if answers(words[0]) else 1


def answers(url: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Say whether an address answers with a status below 400."""
    try:
        urllib.request.urlopen(url, timeout=timeout_s).close()  # noqa: S310 the address is the operator's
    except (urllib.error.URLError, OSError):
        return False
    return True


def is_fresh(path: Path, seconds: float) -> bool:
    """Say whether a file of this name, whatever is appended to it, was written lately."""
    times = [found.stat().st_mtime for found in path.parent.glob(f"{path.name}*")]
    return bool(times) and time.time() - max(times) < seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
