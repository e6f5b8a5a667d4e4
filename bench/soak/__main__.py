"""`python -m bench.soak --minutes 20`: all kinds of traffic on a stack of its own; exit 1 where something is wrong."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.soak import deeds
from bench.soak.crowd import Crowd, Person
from bench.soak.invariants import broken
from tests.e2e.stack import Stack, running, until

NO_LIMIT = {"RATE_LIMIT_DEFAULT": "10000000/15minutes", "RATE_LIMIT_AUTH": "10000000/15minutes"}
TIMES = {"startTime": "2030-05-01T18:00:00Z", "endTime": "2030-05-01T20:00:00Z"}
#: A process may be this much larger at the end than when it had warmed up: caches fill, heaps fragment.
MOST_GROWTH, LEAST_GROWTH_MB = 1.5, 60


def main(words: list[str]) -> int:
    """Run the soak; print what happened and what does not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--minutes", type=float, default=20)
    minutes = parser.parse_args(words).minutes
    with tempfile.TemporaryDirectory(prefix="astrotv soak ") as folder:
        Path(folder).chmod(0o755)
        with running(Path(folder) / "data", **NO_LIMIT) as stack:
            wrong = list(soak(stack, minutes * 60))
    print(*(f"WRONG  {line}" for line in wrong), sep="\n")
    print("everything holds" if not wrong else f"{len(wrong)} things are wrong")
    return 1 if wrong else 0


def soak(stack: Stack, seconds: float) -> Iterator[str]:
    """All traffic for a while, and then everything that does not hold."""
    streamer = Person(stack, stack.sign_in("streamer"))
    key = stack.call("GET", "/api/auth/stream-key", streamer.token)["streamKey"]
    viewers = [Person(stack) for _ in range(6)]
    crowd = _crowd(stack, streamer, viewers)
    with stack.publishing(key, seconds=round(seconds) + 300):
        (stream,) = until(lambda: stack.call("GET", "/api/streams"))
        room = f"stream:{stream['id']}"
        with crowd.at_work(), deeds.Talk(stack, [viewer.token for viewer in viewers], room) as talk:
            began_at = time.monotonic()
            until(lambda: time.monotonic() - began_at > seconds / 3, seconds)
            warm = _memory_mb(stack)
            until(lambda: time.monotonic() - began_at > seconds, seconds + 60)
            final = _memory_mb(stack)
    if not talk.acknowledged:
        yield "talk: no message was acknowledged"
    _report(crowd, talk.answers, len(talk.acknowledged), warm, final)
    until(lambda: not stack.call("GET", "/api/streams"), 30)
    yield from _answers_wrong(crowd, talk.answers)
    yield from _processes_wrong(stack, warm, final)
    yield from broken(stack, talk.acknowledged)


def _crowd(stack: Stack, streamer: Person, viewers: list[Person]) -> Crowd:
    organiser = Person(stack, stack.sign_in("admin"))
    me = str(streamer.call("GET", "/api/auth/me")["id"])
    pack, gift = (str(stack.call("GET", f"/api/payment/{name}")[0]["id"]) for name in ("coin-packs", "gifts"))
    session = _session(organiser)
    crowd = Crowd()
    for viewer in viewers[:2]:
        crowd.add("read", Person(stack, viewer.token), deeds.reads)
        crowd.add("post", Person(stack, viewer.token), deeds.posts)
        crowd.add("buy", Person(stack, viewer.token), deeds.buys(me, pack, gift))
    for viewer in viewers[2:5]:
        crowd.add("follow", Person(stack, viewer.token), deeds.follows(me))
        crowd.add("take part", Person(stack, viewer.token), deeds.takes_part(organiser, session))
    crowd.add("organise", organiser, deeds.takes_part(organiser, session))
    return crowd


def _session(organiser: Person) -> str:
    project = organiser.call("POST", "/api/projects", json={"name": "Soak", "status": "LIVE"})
    event = {"projectId": project["id"], "title": "Soak", "status": "LIVE", **TIMES}
    made = organiser.call("POST", "/api/events", json=event)
    session = {"eventId": made["id"], "title": "Soak", **TIMES}
    return str(organiser.call("POST", "/api/sessions", json=session)["id"])


def _memory_mb(stack: Stack) -> dict[int, float]:
    """The resident memory of every process of ours, by its number."""
    found = {}
    for process in stack.children():
        try:
            if "python" in process.name():
                found[process.pid] = process.memory_info().rss / 1e6
        except psutil.Error:
            continue
    return found


def _answers_wrong(crowd: Crowd, talk: Counter[str]) -> Iterator[str]:
    for kind, answers in {**crowd.answers(), "talk": talk}.items():
        for answer, times in answers.items():
            if answer.startswith(("WRONG", "broken")):
                yield f"{kind}: {answer}, {times} times"


def _processes_wrong(stack: Stack, warm: dict[int, float], final: dict[int, float]) -> Iterator[str]:
    if gone := warm.keys() - final.keys():
        yield f"processes: {len(gone)} of {len(warm)} have ended"
    if "starting it again" in stack.printed():
        yield "processes: one was started again"
    for pid in warm.keys() & final.keys():
        if final[pid] > warm[pid] * MOST_GROWTH and final[pid] - warm[pid] > LEAST_GROWTH_MB:
            yield f"memory: {psutil.Process(pid).cmdline()[2:6]} grew from {warm[pid]:.0f} to {final[pid]:.0f} MB"


def _report(crowd: Crowd, talk: Counter[str], said: int, warm: dict[int, float], final: dict[int, float]) -> None:
    for kind, answers in {**crowd.answers(), "talk": talk}.items():
        print(f"{kind:<10}", ", ".join(f"{name}: {times}" for name, times in answers.most_common(6)))
    print(f"{said} messages acknowledged; {len(final)} processes, {sum(warm.values()):.0f} MB warm,", end=" ")
    print(f"{sum(final.values()):.0f} MB at the end", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
