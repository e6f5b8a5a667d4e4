#!/usr/bin/env python
"""The operator's tool: `.venv/bin/python manage.py --help` lists what it can do."""

import signal
import sys


def main() -> int:
    """Run the command; whoever presses Ctrl-C while the libraries are read, wants no traceback of theirs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from operations import commands

    return commands.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
