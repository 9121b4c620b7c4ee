#!/usr/bin/env bash
# What `make test` runs: format, lint and types, then every test, with a PostgreSQL of its own beside SQLite.
# Ends with pytest's summary line; fails if any part fails.
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
status=0

$bin/ruff format --check . || status=1
$bin/ruff check . || status=1
$bin/mypy bot actions || status=1
$bin/evoke train || status=1

# PostgreSQL in a throw-away folder, reached by its socket alone. Its programs refuse to run as root.
postgres=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
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
    if (cd "$folder" && "${as[@]}" "$postgres/initdb" -D "$folder/db" -U evoke -A trust -E UTF8 >/dev/null &&
        "${as[@]}" "$postgres/pg_ctl" -D "$folder/db" -l "$folder/log" -w \
            -o "-k $folder -c listen_addresses='' -c fsync=off" start >/dev/null); then
        export EVOKE_TEST_POSTGRES_URL="postgresql+psycopg://evoke@/postgres?host=$folder"
    else
        echo "PostgreSQL is here and did not start: see what initdb says above." >&2
        status=1
    fi
elif [ "${CI:-}" = true ]; then
    echo "PostgreSQL is missing, and the tests of CI need it: apt-get install postgresql." >&2
    status=1
else
    echo "PostgreSQL is not on this machine: its tests are skipped (apt-get install postgresql)."
fi

$bin/python -m pytest -q || status=1
exit $status
