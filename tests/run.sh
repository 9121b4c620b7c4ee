#!/usr/bin/env bash
# What `make test` runs: format, lint, types, then every test. Ends with pytest's summary line; fails if any part fails.
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
status=0
$bin/ruff format --check . || status=1
$bin/ruff check . || status=1
$bin/mypy bot actions || status=1
$bin/evoke train || status=1
$bin/python -m pytest -q || status=1
exit $status
