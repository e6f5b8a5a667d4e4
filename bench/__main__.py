"""Run benchmarks by name, or all of them: `python -m bench [journey …]`."""

import sys
from collections.abc import Callable, Iterable

from bench import journey, money
from bench.api import run as api
from bench.chat import persist as chat_persist
from bench.chat import run as chat
from bench.chat.peers import run as chat_peers
from bench.figures import Figure
from bench.media import cost, faults, ladders, latency, player, shedding
from bench.media.browser import Missing

BENCHMARKS: dict[str, Callable[[], Iterable[Figure]]] = {
    "journey": journey.figures,
    "chat": chat.figures,
    "chat-persist": chat_persist.figures,
    "chat-peers": chat_peers.figures,
    "money": money.figures,
    "api": api.figures,
    "latency": latency.figures,
    "player": player.figures,
    "faults": faults.figures,
    "ingest": cost.figures,
    "ladders": ladders.figures,
    "shedding": shedding.figures,
}


def main(names: list[str]) -> int:
    """Print each figure as it is measured; returns 2 for a name that is none, 3 where something is missing."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        print(f"# {name}", flush=True)
        try:
            for figure in BENCHMARKS[name]():
                print(figure.line(), flush=True)
        except Missing as missing:
            print(missing, file=sys.stderr)
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
