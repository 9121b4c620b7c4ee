#!/usr/bin/env bash
# Everything that has to hold before a change goes in: format, lint, types, tests. `make test` calls it.
# The last line is pytest's summary. With CI=true nothing may be skipped for want of a browser.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python

step() {
    echo "== $1"
    shift
    "$@"
}

export PYTHONDONTWRITEBYTECODE=1
step "format" .venv/bin/ruff format --check .
step "lint" .venv/bin/ruff check .
step "types" .venv/bin/mypy bot actions
step "the Rasa model, if the data has changed" .venv/bin/evoke train
echo "== tests"
exec "$python" -m pytest -q "$@"
