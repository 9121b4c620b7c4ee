#!/usr/bin/env bash
# Everything that has to hold before a change goes in: format, lint, types, tests. `make test` calls it.
# The last line is pytest's summary. With CI=true nothing may be skipped for want of a browser or of PostgreSQL.
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

# A file is tested by one process, the slow files first. Each process has a database of its own (tests/postgres.py).
processes=${EVOKE_TEST_PROCESSES:-2}

# PostgreSQL in a throw-away folder, reached by its socket alone. Its programs refuse to run as root.
postgres=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
if [ -n "${EVOKE_TEST_POSTGRES_URL:-}" ]; then
    :
elif [ -n "$postgres" ]; then
    folder=$(mktemp -d)
    chmod 755 "$folder"
    as=()
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$folder"
        as=(runuser -u postgres --)
    fi
    trap '"${as[@]}" "$postgres/pg_ctl" -D "$folder/db" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
    (cd "$folder" && "${as[@]}" "$postgres/initdb" -D "$folder/db" -U evoke -A trust -E UTF8 >/dev/null &&
        "${as[@]}" "$postgres/pg_ctl" -D "$folder/db" -l "$folder/log" -w \
            -o "-k $folder -c listen_addresses='' -c fsync=off" start >/dev/null)
    export EVOKE_TEST_POSTGRES_URL="postgresql+psycopg://evoke@/postgres?host=$folder"
elif [ "${CI:-}" = true ]; then
    echo "PostgreSQL is missing, and the tests of CI need it: apt-get install postgresql." >&2
    exit 1
else
    echo "PostgreSQL is not on this machine: its tests are skipped (apt-get install postgresql)."
fi

echo "== tests"
"$python" -m pytest -q --numprocesses "$processes" --dist loadfile --no-loadscope-reorder "$@"
