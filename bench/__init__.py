"""Benchmarks of AstroTV, each one command: `make bench`, or `make bench ARGS=journey`."""
