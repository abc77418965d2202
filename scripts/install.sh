#!/bin/sh
# Make the virtual environment from requirements.lock, every file hash-checked.
# Usage: install.sh PYTHON VENV
set -eu
python=$1
venv=$2

fail() {
    echo "make: $1" >&2
    exit 1
}

[ -n "$python" ] || fail "no Python 3.11, 3.12 or 3.13 found on PATH.
  Debian, Ubuntu: apt-get install python3 python3-venv     Fedora: dnf install python3
  Or name one: make PYTHON=/path/to/python3.12 ..."

# A virtual environment whose Python is gone (moved folder, upgraded system) is made anew.
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 ||
    ! head -n 1 "$venv/bin/pip" | grep -qF "$PWD/$venv/"; then
    echo "make: creating $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv" >"${TMPDIR:-/tmp}/hms-venv.$$" 2>&1 || {
        cat "${TMPDIR:-/tmp}/hms-venv.$$" >&2
        rm -f "${TMPDIR:-/tmp}/hms-venv.$$"
        rm -rf "$venv"
        fail "$python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"
    }
    rm -f "${TMPDIR:-/tmp}/hms-venv.$$"
fi

# uv, from its own lines of the lock, then everything else with uv.
lines="$venv/uv.lock.txt"
awk '/^[^ #]/ {mine = /^uv==/} mine' requirements.lock >"$lines"
echo "make: installing the locked packages"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r "$lines" ||
    fail "the package index could not be reached, or a package did not match its hash in requirements.lock (see above)"
UV_LINK_MODE=${UV_LINK_MODE:-hardlink} "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" \
    --require-hashes -r requirements.lock || fail "installing the locked packages failed (see above)"
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable . ||
    fail "building hms-rt failed (see above)"
