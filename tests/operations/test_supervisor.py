"""The supervisor: lines are printed, the dead come back, everything ends."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path

import psutil
import pytest

from operations.procfile import ProcfileEntry
from operations.supervisor import Supervisor

LIMIT_S = 60.0


def python(name: str, program: str) -> ProcfileEntry:
    return ProcfileEntry(name, [sys.executable, "-u", "-c", program])


def within_limit(condition: Callable[[], bool]) -> Callable[[], bool]:
    """Ask until the condition holds; fail the test after a while."""
    deadline = time.monotonic() + LIMIT_S

    def reached() -> bool:
        assert time.monotonic() < deadline, "it did not happen in time"
        return condition()

    return reached


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_lines_are_printed_with_the_name_of_their_process(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def heard() -> bool:
        seen.append(capsys.readouterr().out)
        return "one | hello" in "".join(seen)

    supervisor = Supervisor([python("one", "print('hello'); import signal; signal.pause()")], os.environ)
    supervisor.start()
    supervisor.run(within_limit(heard))
    supervisor.stop()


def test_nothing_ends_where_what_is_printed_has_no_room(tmp_path: Path) -> None:
    done = tmp_path / "done"
    program = f"print('hello'); open({str(done)!r}, 'w').close(); import signal; signal.pause()"
    full = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 - closing it fails as well
    with redirect_stdout(full):
        supervisor = Supervisor([python("one", program)], os.environ)
        supervisor.start()
        supervisor.run(within_limit(done.exists))
        supervisor.say("still here")
        supervisor.stop()
    with suppress(OSError):
        full.close()


def test_a_process_that_dies_is_started_again_and_its_last_words_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "lives"
    program = f"open({str(log)!r}, 'a').write('life\\n'); print('last words', end=''); raise SystemExit(3)"
    supervisor = Supervisor([python("mortal", program)], os.environ)
    supervisor.start()
    supervisor.run(within_limit(lambda: len(lines(log)) == 2))
    supervisor.stop()
    said = capsys.readouterr().out
    assert "last words" in said
    assert "mortal ended with 3; starting it again in 1 s" in said


def test_workers_stop_after_the_others(tmp_path: Path) -> None:
    log = tmp_path / "ends"
    program = (
        "import signal, sys\n"
        f"def end(*_): open({str(log)!r}, 'a').write(sys.argv[1] + '\\n'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"open({str(tmp_path)!r} + '/up-' + sys.argv[1], 'w')\n"
        "while True: signal.pause()\n"
    )
    entries = [ProcfileEntry(name, [sys.executable, "-c", program, name]) for name in ("worker-media", "api")]
    supervisor = Supervisor(entries, os.environ)
    supervisor.start()
    supervisor.run(within_limit(lambda: all((tmp_path / f"up-{entry.name}").exists() for entry in entries)))
    supervisor.stop()
    assert lines(log) == ["api", "worker-media"]


def test_what_a_process_started_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    program = (
        "import signal, subprocess\n"
        f"child = subprocess.Popen(['sleep', '1000']); open({str(note)!r}, 'w').write(str(child.pid) + '\\n')\n"
        "signal.pause()\n"
    )
    supervisor = Supervisor([python("parent", program)], os.environ)
    supervisor.start()
    supervisor.run(within_limit(lambda: bool(lines(note))))
    grandchild = psutil.Process(int(lines(note)[0]))
    supervisor.stop()
    assert psutil.wait_procs([grandchild], timeout=LIMIT_S)[1] == []


def test_a_program_that_is_missing_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor([ProcfileEntry("ghost", ["/nonexistent/program"])], os.environ)
    supervisor.start()
    supervisor.stop()
    assert "ghost cannot be started" in capsys.readouterr().out
