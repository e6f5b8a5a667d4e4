"""A real Chromium without a window, spoken to over its DevTools protocol, and a page with hls.js in it."""

import functools
import http.server
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests
from websockets.sync.client import ClientConnection, connect

from tests.e2e.stack import until

CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--autoplay-policy=no-user-gesture-required", "--mute-audio", "--remote-debugging-port=0"),
)
LISTENING: Final = re.compile(r"DevTools listening on ws://([\d.:]+)/")
PAGE: Final = Path(__file__).with_name("player.html")
NEEDS: Final = "the player needs {}: set {} to where it is, or install it ({})"


class Missing(Exception):
    """Something that only this benchmark needs is not on the machine."""


def find_chromium() -> str:
    """Path of a Chromium, from CHROMIUM or the usual names; raises Missing."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if not found:
        raise Missing(NEEDS.format("a Chromium", "CHROMIUM", "apt-get install chromium"))
    return found


def find_hls_js(folder: Path) -> Path:
    """The script of hls.js, from HLS_JS or fetched by npm into `folder`; raises Missing."""
    if given := os.environ.get("HLS_JS"):
        return Path(given)
    npm = shutil.which("npm")
    if npm is not None:
        subprocess.run([npm, "install", "--silent", "--prefix", str(folder), "hls.js@1"], check=False, timeout=120)
    script = folder / "node_modules/hls.js/dist/hls.js"
    if not script.exists():
        raise Missing(NEEDS.format("hls.js", "HLS_JS", "npm install hls.js"))
    return script


@contextmanager
def page_with_hls_js() -> Iterator["Page"]:
    """Open the page in a browser of its own until the block ends; raises Missing."""
    chromium = find_chromium()
    with tempfile.TemporaryDirectory(prefix="astrotv-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        site = folder / "site"
        site.mkdir()
        shutil.copy(find_hls_js(folder), site / "hls.js")
        shutil.copy(PAGE, site / "index.html")
        with _serving(site) as address, _running(chromium, folder / "profile") as debugger:
            yield Page(debugger, address)


@contextmanager
def _serving(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/index.html"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # the base class names it so
        pass


@contextmanager
def _running(chromium: str, profile: Path) -> Iterator[str]:
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    log = profile.with_suffix(".log")
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            (address,) = until(lambda: LISTENING.findall(log.read_text(errors="replace")), 60)
            yield f"http://{address}"
        finally:
            process.terminate()


class Page:
    """One page; JavaScript is evaluated in it."""

    def __init__(self, debugger: str, address: str) -> None:
        target = requests.put(f"{debugger}/json/new?{address}", timeout=15).json()
        self._socket: ClientConnection = connect(target["webSocketDebuggerUrl"], max_size=None)
        self._numbers = itertools.count(1)
        until(lambda: self.evaluate("document.readyState === 'complete' && typeof Hls === 'function'"), 30)

    def evaluate(self, script: str) -> Any:
        """The value of an expression; raises RuntimeError with what the page complains about."""
        number = next(self._numbers)
        parameters = {"expression": script, "returnByValue": True, "awaitPromise": True}
        self._socket.send(json.dumps({"id": number, "method": "Runtime.evaluate", "params": parameters}))
        while (answer := json.loads(self._socket.recv(30))).get("id") != number:
            pass
        result = answer["result"]
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "an error"))
        return result["result"].get("value")
