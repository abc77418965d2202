#!/bin/sh
# Make sure that a Chromium for the browser tests is there: the one on PATH, else Debian's package.
set -eu

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done

if [ "$(id -u)" -eq 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
    echo "make: no Chromium on PATH; installing Debian's package for the browser tests"
    log=$(mktemp)
    if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } \
        >"$log" 2>&1 && command -v chromium >/dev/null 2>&1; then
        rm -f "$log"
        exit 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
    echo "make: installing chromium failed (see above)." >&2
fi

cat >&2 <<'HELP'
make: the browser tests need Chromium, and none of chromium, chromium-browser, google-chrome is on PATH.
  Debian:  sudo apt-get install -y --no-install-recommends chromium
  Ubuntu:  sudo snap install chromium, or Google's google-chrome-stable package
  Fedora:  sudo dnf install -y chromium
HELP
exit 1
