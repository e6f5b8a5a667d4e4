"""`python -m bench.chat [options]`: measure chat with other numbers than `make bench` does."""

import sys

from bench.chat.run import main

main(sys.argv[1:])
