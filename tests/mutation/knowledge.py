"""What is known of the tests: what they call, how long they take, and what they have noticed so far."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

from tests.mutation.calls import Function
from tests.mutation.runs import Seen


class Place(msgspec.Struct, frozen=True):
    """Where a mutant is: a module, and the functions in which it shows; None where it may show anywhere."""

    module: str
    functions: frozenset[str] | None


class Knowledge:
    """Which tests to ask about a mutant, and in which order."""

    def __init__(self, without_mutants: Iterable[Seen], imported: Collection[Function]) -> None:
        self.seconds: dict[str, float] = {}
        self._calls: dict[str, frozenset[Function]] = defaultdict(frozenset)
        self._imported = frozenset(imported)
        self._noticed: dict[Place, Counter[str]] = defaultdict(Counter)
        for one in without_mutants:
            self.seconds |= one.seconds
            for test, functions in one.calls.items():
                self._calls[test] |= functions

    def tests_of(self, place: Place, files: Sequence[str]) -> list[str]:
        """The tests in some files that come to a place: what noticed most there first, then the quickest."""
        where = {(place.module, name) for name in place.functions or ()}
        everywhere = place.functions is None or bool(where & self._imported)
        reached = [
            test
            for test in self.seconds
            if test.partition("::")[0] in files and (everywhere or where & self._calls[test])
        ]
        noticed = self._noticed[place]
        return sorted(reached, key=lambda test: (-noticed[test], self.seconds[test], test))

    def note(self, place: Place, test: str) -> None:
        """Remember the test that noticed a mutant there, if one did."""
        if test:
            self._noticed[place][test] += 1
