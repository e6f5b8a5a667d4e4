"""`seed`: demo data, so that the first look at AstroTV shows something alive."""

import argparse
import os
import secrets
from pathlib import Path
from uuid import UUID

import msgspec

import bootstrap
import settings as configuration
from db.connection import connection, query
from db.migrate import migrate
from embedded import attached
from operations import demo_world, large_world
from operations.large_world import Size
from operations.project import data_dir
from services import accounts, channels, creators, wallets
from services.accounts import Registration
from services.actors import Actor, Role
from services.sessions import Device
from settings import Settings

HELP = "load the demo data into a database without people, or a large world for benchmarks"
FILE = "demo.json"
DEVICE = Device(user_agent="manage.py")
VIEWERS_COINS = 5_000


class DemoAccount(msgspec.Struct, frozen=True):
    """Somebody to sign in as."""

    role: str
    email: str
    id: UUID


class KeptDemo(msgspec.Struct, frozen=True):
    """What the data folder remembers of the demo data, with mode 0600."""

    password: str
    accounts: list[DemoAccount]


class Demo(msgspec.Struct, frozen=True):
    """What an operator wants to know of the demo data."""

    password: str
    accounts: list[DemoAccount]
    stream_key: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    largest = Size()
    parser.add_argument(
        "--size", choices=("demo", "large"), default="demo", help="large: for benchmarks, beside whatever is there"
    )
    for name in Size.__struct_fields__:
        parser.add_argument(f"--{name}", type=_count, help=f"of a large size; {getattr(largest, name):,} by default")


def run(arguments: argparse.Namespace, environ: dict[str, str]) -> int:
    """Load the demo data where there are no people yet, and say whom to sign in as; or a world for benchmarks."""
    with attached(data_dir(environ), environ) as environment:
        settings = configuration.load(environment)
        migrate(settings.database_owner_url)
        if arguments.size == "large":
            return _load_large(settings, arguments)
        demo = ensure(settings)
    if demo is None:
        print("nothing to do: there are people here already")
        return 0
    print("\n".join(f"{account.role}: {account.email}  password: {demo.password}" for account in demo.accounts))
    return 0


def ensure(settings: Settings) -> Demo | None:
    """Make the demo data in a database without people; return what was made, now or before."""
    bootstrap.open_stores(settings)
    path = settings.data_dir / FILE
    try:
        with connection():
            if not query("SELECT 1 FROM users LIMIT 1"):
                _keep(path, _make())
            return _demo(path)
    finally:
        bootstrap.stop()


def _count(text: str) -> int:
    number = int(text.replace("_", "").replace(",", ""))
    if not 2 <= number <= 100_000_000:
        raise argparse.ArgumentTypeError("must be from 2 to 100,000,000")
    return number


def _load_large(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = {name: value for name in Size.__struct_fields__ if (value := getattr(arguments, name)) is not None}
    bootstrap.open_stores(settings)
    try:
        with connection():
            if query("SELECT 1 FROM users WHERE username = 'creator_0'"):
                print("nothing to do: a large world is here already")
                return 0
        seconds = large_world.load(settings, Size(**asked))
    finally:
        bootstrap.stop()
    print(f"done in {seconds:.1f} s")
    return 0


def _make() -> KeptDemo:
    password = secrets.token_urlsafe(9)
    admin = _person("admin", "ada", "Ada Admin", password, Role.ADMIN)
    streamer = _person("streamer", "nova", "Nova Streams", password)
    creators.make_streamer(streamer.id)
    viewer = _person("viewer", "vic", "Vic Viewer", password)
    wallets.grant(viewer.id, VIEWERS_COINS, reference=viewer.id, key=f"demo:{viewer.id}")
    [(password_hash,)] = query("SELECT password_hash FROM accounts WHERE id = %s", (viewer.id,))
    demo_world.make(password_hash, streamer.id)
    return KeptDemo(password, [admin, streamer, viewer])


def _person(role: str, username: str, name: str, password: str, power: Role = Role.VIEWER) -> DemoAccount:
    email = f"{role}@example.com"
    made = accounts.register(Registration(email, password, name=name, username=username), DEVICE, power)
    return DemoAccount(role, email, made.user.id)


def _keep(path: Path, demo: KeptDemo) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(demo))


def _demo(path: Path) -> Demo | None:
    """What was kept, with the streamer's key as it is now: it may have been rotated since."""
    if not path.exists():
        return None
    kept = msgspec.json.decode(path.read_bytes(), type=KeptDemo)
    streamer = next(account for account in kept.accounts if account.role == "streamer")
    shown = channels.stream_key(Actor(streamer.id, Role.STREAMER))
    return Demo(kept.password, kept.accounts, shown.stream_key)
