# shellcheck shell=bash
# shellcheck disable=SC2154 # HOME_DIR and CACHE are scripts/services'
# A mail server for tests: tests/smtp on Node, which keeps everything in memory and shows it over HTTP on the same port.

# shellcheck source=/dev/null
source scripts/lib/node.sh

smtp_variable() { echo SYNC_TEST_SMTP; }

smtp_address() { echo "smtp://127.0.0.1:$1"; }

smtp_patience() { echo 20; }

smtp_fetch() {
    node_ready
    local lock=tests/smtp/package-lock.json
    cmp -s "$lock" "$CACHE/smtp/package-lock.json" 2>/dev/null && return 0
    say "installing the mail server's packages"
    local work=$CACHE/smtp.new
    rm -rf "$work" && mkdir -p "$work"
    cp tests/smtp/package.json "$lock" tests/smtp/.npmrc "$work/"
    (cd "$work" && timeout 180 npm ci --ignore-scripts --loglevel=error </dev/null) >"$CACHE/smtp.log" 2>&1 ||
        die "the mail server's packages cannot be installed (log: $CACHE/smtp.log): set SYNC_TEST_SMTP to one that runs"
    # Whole, or not there.
    rm -rf "${CACHE:?}/smtp"
    mv "$work" "$CACHE/smtp"
}

smtp_run() {
    node_ready
    # Beside its packages, where Node looks for them.
    cp tests/smtp/server.mjs "$CACHE/smtp/server.mjs"
    exec node "$CACHE/smtp/server.mjs" "$1" 1>&2
}

smtp_answers() {
    http_status "$1" /
}
