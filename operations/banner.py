"""What `up` prints when everything answers: where to go, who to be, and how to go live."""

import shlex
from collections.abc import Iterator

from operations.seed import Demo
from settings import Settings

RULE = "─" * 78


class Banner:
    """The text for one stack; `demo` is None where there are no demo accounts."""

    def __init__(self, settings: Settings, demo: Demo | None) -> None:
        self._settings = settings
        self._demo = demo

    def text(self, seconds: float) -> str:
        """Return the whole banner; `seconds` is how long the start took."""
        lines = [RULE, f"AstroTV is up after {seconds:.1f} s. Ctrl-C stops all of it.", ""]
        lines += _columns(self._addresses())
        if self._demo is not None:
            lines += ["", *_columns(self._accounts(self._demo)), *self._going_live(self._demo)]
        return "\n".join([*lines, RULE])

    def _addresses(self) -> Iterator[tuple[str, str]]:
        settings = self._settings
        yield "API", f"{settings.public_url}/api"
        yield "API reference", f"{settings.public_url}/docs"
        yield "Realtime", f"{settings.public_realtime_url}/ws"
        yield "RTMP", settings.public_rtmp_url
        yield "Flower", f"http://localhost:{settings.flower_port}  (sign in: {settings.flower_basic_auth})"

    def _accounts(self, demo: Demo) -> Iterator[tuple[str, str]]:
        for account in demo.accounts:
            yield f"Demo {account.role}", f"{account.email}  password: {demo.password}"

    def _going_live(self, demo: Demo) -> list[str]:
        target = f"{self._settings.public_rtmp_url}/{demo.stream_key}"
        return ["", "Go live as the demo streamer:", "", test_picture(self._settings.ffmpeg_binary, target)]


def test_picture(ffmpeg: str, target: str) -> str:
    """Return the command line that publishes a test picture, 720p at 30 frames a second."""
    video = "-f lavfi -i testsrc2=size=1280x720:rate=30"
    sound = "-f lavfi -i sine=frequency=440:sample_rate=48000"
    coding = "-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -b:v 2500k -c:a aac -b:a 128k"
    return f"{shlex.quote(ffmpeg)} -re {video} -re {sound} {coding} -f flv {shlex.quote(target)}"


def _columns(rows: Iterator[tuple[str, str]]) -> list[str]:
    return [f"  {name:<16} {value}" for name, value in rows]
