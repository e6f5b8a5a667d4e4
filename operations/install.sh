#!/bin/sh
# Make .venv if it is missing, and install into it exactly what a lock file names.
# usage: operations/install.sh LOCK      PYTHON=… chooses the interpreter
set -eu
cd "$(dirname "$0")/.."
lock=$1

recent_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        if recent_enough "$name"; then
            echo "$name"
            return
        fi
    done
    echo "AstroTV needs Python 3.11 or newer; found only: $(python3 --version 2>&1 || echo none)." >&2
    echo "Install one, or name it: make run PYTHON=/path/to/python3.12" >&2
    exit 1
}

make_environment() {
    python=$(find_python)
    echo "Making .venv with $("$python" --version)"
    rm -rf .venv
    if "$python" -c 'import ensurepip' >/dev/null 2>&1; then
        "$python" -m venv .venv
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip .venv # some systems package ensurepip apart
        "$python" -m pip --quiet --python .venv/bin/python install pip
    else
        echo "$python cannot make environments: install its venv package (Debian, Ubuntu: apt install python3-venv)." >&2
        exit 1
    fi
}

if ! recent_enough .venv/bin/python || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    make_environment
fi
echo "Installing what $lock names; the first time takes a minute"
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r "$lock"
