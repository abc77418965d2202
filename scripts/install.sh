#!/bin/sh
# Make the virtual environment from requirements.lock, every file hash-checked.
# Usage: install.sh PYTHON VENV (an absolute path), from the project folder.
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
    ! head -n 2 "$venv/bin/pip" | grep -qF "$venv/bin/python"; then
    echo "make: creating $venv with $("$python" --version)"
    rm -rf "$venv"
    said=$("$python" -m venv "$venv" 2>&1) || {
        echo "$said" >&2
        rm -rf "$venv"
        fail "$python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"
    }
fi

# uv, from its own lines of the lock, then everything else with uv.
lines="$venv/uv.lock.txt"
awk '/^[^ #]/ {mine = /^uv==/} mine' requirements.lock >"$lines"
echo "make: installing the locked packages"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r "$lines" ||
    fail "the package index could not be reached, or a package did not match its hash in requirements.lock (see above)"
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements.lock || {
    # pip knows the mirrors and proxies of pip's own settings, which uv does not read.
    echo "make: installing with uv failed (see above); trying pip, which takes longer" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock ||
        fail "installing the locked packages failed (see above)"
}
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable . ||
    fail "building hms-rt failed (see above)"
