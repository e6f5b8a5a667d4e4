"""What a scene is: something for a job to do, and how one sees that it was done once."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.e2e.shop import Shop
from tests.livekit import FakeLiveKit


class Stage(NamedTuple):
    """What the scenes are played on: a shop whose API answers, LiveKit, a folder, and the keys of the worker."""

    shop: Shop
    livekit: FakeLiveKit
    folder: Path
    keys: tuple[str, ...]


class Scene(NamedTuple):
    """What the task is asked, and what holds when it was done once."""

    arguments: dict[str, object]
    holds: Callable[[], object]
