"""`make audit`: known vulnerabilities of the pinned versions, and a plain word where nobody could be asked."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

LOCK = Path("requirements-dev.lock")
#: Any version of anything: its page says whether the advisories can be had at all.
ADVISORIES = "https://pypi.org/pypi/pip/25.0/json"
TIMEOUT_S = 15.0
CLEAN, FOUND, UNKNOWN = 0, 1, 2


def main(words: list[str]) -> int:
    """Return 0 where nothing is known against any version, 1 where something is, 2 where nobody could be asked."""
    reason = why_unreachable(ADVISORIES)
    if reason:
        return _unknown(reason)
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--no-deps", "--disable-pip", "--strict"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off", *words], stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode == 0:
        print(f"audit: nothing is known against the versions in {LOCK}")
        return CLEAN
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    if errors:
        return _unknown(errors[0])
    print("audit: the versions above have known vulnerabilities; raise them in setup.cfg and lock anew")
    return FOUND


def why_unreachable(url: str) -> str:
    """Say why advisories cannot be had from an address; nothing where they can."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the address is the caller's own
            page = json.load(answer)
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))
    except ValueError:
        return "what it answers is not PyPI's JSON: a mirror without advisories?"
    return "" if isinstance(page, dict) and "vulnerabilities" in page else "its pages carry no advisories"


def _unknown(reason: str) -> int:
    print(f"audit: NOT DONE, pypi.org could not be asked: {reason}", file=sys.stderr)
    print(f"audit: whether anything is known against the versions in {LOCK} is open", file=sys.stderr)
    return UNKNOWN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
