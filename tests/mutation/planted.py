"""A pytest plugin that puts a mutant in its module's place: MUTANT names it as `services.ledger:17`.

Loaded before anything else is imported (`-p tests.mutation.planted`). The servers are those that the
driver has started: the run takes itself for a worker of xdist, which is told where they are.
"""

import importlib.abc
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutation.mutants import mutated

ROOT = Path(__file__).resolve().parents[2]


class _Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, module: str, number: int) -> None:
        self._module, self._number = module, number
        self._path = ROOT / f"{module.replace('.', '/')}.py"

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self._module:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        tree = mutated(self._path.read_text(), self._number)
        exec(compile(tree, str(self._path), "exec"), module.__dict__)


def _plant() -> None:
    module, _, number = os.environ["MUTANT"].partition(":")
    assert module not in sys.modules, f"{module} was imported before its mutant"
    if number:
        sys.meta_path.insert(0, _Planted(module, int(number)))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    servers = json.loads(os.environ["MUTATION_SERVERS"])
    config.workerinput = {"astrotv_environment": servers, "workerid": os.environ["MUTATION_WORKER"]}  # type: ignore[attr-defined]


_plant()
