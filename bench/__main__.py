"""Run benchmarks by name, or all of them: `python -m bench [journey …]`."""

import sys
from collections.abc import Callable, Iterable

from bench import journey
from bench.chat import run as chat
from bench.figures import Figure
from bench.media import latency

BENCHMARKS: dict[str, Callable[[], Iterable[Figure]]] = {
    "journey": journey.figures,
    "chat": chat.figures,
    "latency": latency.figures,
}


def main(names: list[str]) -> int:
    """Print each figure as it is measured; returns 2 for a name that is none."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        print(f"# {name}", flush=True)
        for figure in BENCHMARKS[name]():
            print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
