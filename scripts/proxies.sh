#!/bin/sh
# Make sure that nginx and HAProxy are there for the tests of docs/proxy: those on PATH, else Debian's packages.
# Nothing is left running: the tests start their own.
set -eu
PATH=$PATH:/usr/sbin:/usr/local/sbin

missing() {
    for name in nginx haproxy openssl; do
        command -v "$name" >/dev/null 2>&1 || printf ' %s' "$name"
    done
}

[ -z "$(missing)" ] && exit 0

if [ "$(id -u)" -eq 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
    packages=$(missing | sed 's/\<nginx\>/nginx-light/')
    echo "make: installing Debian's$packages for the proxy tests"
    log=$(mktemp)
    # Their services are not to start: a policy that is only there while they are installed says so.
    policy=/usr/sbin/policy-rc.d
    made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=yes
    fi
    trap '[ -z "$made" ] || rm -f "$policy"' EXIT
    if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages; } \
        >"$log" 2>&1 && [ -z "$(missing)" ]; then
        rm -f "$log"
        exit 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
    echo "make: installing$packages failed (see above)." >&2
fi

cat >&2 <<HELP
make: the proxy tests need nginx, haproxy and openssl; missing here:$(missing)
  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends nginx-light haproxy openssl
  Fedora:          sudo dnf install -y nginx haproxy openssl
HELP
exit 1
