#!/usr/bin/env bash
# Makes an empty environment with the right Python, or says in one sentence what to do.
#   python.sh app PYTHON FOLDER     Python 3.11 or newer, with pip
#   python.sh rasa UV FOLDER        Python 3.10, for Rasa
set -eu
what=$1 tool=$2 folder=$3
fail() { echo "$*" >&2; exit 1; }

case $what in
app)
    command -v "$tool" >/dev/null || fail "There is no $tool: install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python3."
    "$tool" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$tool is $("$tool" -V 2>&1), and Evoke needs Python 3.11 or newer: name one with make PYTHON=/path/to/python3."
    "$tool" -c 'import venv, ensurepip' 2>/dev/null || fail "Python's venv is missing: on Debian, run apt-get install python3-venv."
    [ -x "$folder/bin/python" ] && "$folder/bin/python" -m pip --version >/dev/null 2>&1 || "$tool" -m venv --clear "$folder"
    ;;
rasa)
    [ -x "$folder/bin/python" ] && "$folder/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null && exit 0
    python=
    # A pyenv shim can be on the path without the version behind it: a candidate counts when it runs.
    for candidate in $(command -v python3.10 || true) "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10.*/bin/python3.10; do
        if "$candidate" -c '' 2>/dev/null; then python=$candidate; break; fi
    done
    if [ -z "$python" ]; then
        echo "Python 3.10 is not on this machine; fetching it with uv ..."
        "$tool" python install --quiet 3.10 2>/dev/null ||
            fail "Rasa needs Python 3.10, and it could not be fetched: install it (pyenv install 3.10, or apt-get install python3.10) and run this again."
        python=3.10
    fi
    "$tool" venv --quiet --clear --python "$python" "$folder"
    ;;
esac
