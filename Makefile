# AstroTV. `make help` lists the targets; nothing but Python 3.11 or newer is needed beforehand.

IN_VENV := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test lint check coverage format bench player soak fuzz audit clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: .venv/runtime.stamp ## start everything; Ctrl-C stops it
	@exec $(IN_VENV) manage.py up

test: .venv/dev.stamp ## run the whole test suite
	@$(IN_VENV) -m pytest -n auto $(ARGS)

lint: .venv/dev.stamp ## format, lint, types and import contracts, without the tests
	@$(IN_VENV) -m ruff format --check .
	@$(IN_VENV) -m ruff check .
	@$(IN_VENV) -m mypy
	@.venv/bin/lint-imports

coverage: .venv/dev.stamp ## which branches of the services and the protocols the tests take; fails below 95 %
	@$(IN_VENV) -m coverage erase
	@$(IN_VENV) -m pytest -n auto --cov --cov-report= --ignore tests/contracts/test_api_fuzz.py $(ARGS)
	@$(IN_VENV) -m coverage report --fail-under 95

check: lint test ## everything that must hold before a commit

format: .venv/dev.stamp ## put the code into its format
	@$(IN_VENV) -m ruff check --fix --exit-zero --quiet .
	@$(IN_VENV) -m ruff format .

bench: .venv/dev.stamp ## run the benchmarks
	@$(IN_VENV) -m bench $(ARGS)

player: .venv/dev.stamp ## play live video with hls.js in a real Chromium (needs chromium, npm)
	@$(IN_VENV) -m bench player

soak: .venv/dev.stamp ## all kinds of traffic at once, then whether everything holds; ARGS="--minutes 20"
	@$(IN_VENV) -m bench.soak $(ARGS)

fuzz: .venv/dev.stamp ## hundreds of examples of every operation in the OpenAPI document
	@ASTROTV_FUZZ_EXAMPLES=200 $(IN_VENV) -m pytest -n auto tests/contracts/test_api_fuzz.py $(ARGS)

audit: .venv/dev.stamp ## known vulnerabilities of what is installed; needs pypi.org, and says so without it
	@$(IN_VENV) -m operations.audit $(ARGS)

clean: ## remove the environment and the caches; the data in .astrotv stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/runtime.stamp: requirements.lock
	@./operations/install.sh requirements.lock
	@touch $@

.venv/dev.stamp: requirements-dev.lock
	@./operations/install.sh requirements-dev.lock
	@touch .venv/runtime.stamp $@
