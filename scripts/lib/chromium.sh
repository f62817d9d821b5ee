# shellcheck shell=bash
# Chromium, for the browser tests: the one that CHROMIUM names, else an installed one, else Debian's.

# chromium_ready: CHROMIUM names a program that starts.
chromium_ready() {
    if [[ -n ${CHROMIUM:-} ]]; then
        "$CHROMIUM" --version >/dev/null 2>&1 || die "CHROMIUM=$CHROMIUM does not start"
        return
    fi
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then
            CHROMIUM=$(command -v "$name")
            export CHROMIUM
            return
        fi
    done
    if command -v apt-get >/dev/null && [[ $(id -u) == 0 ]]; then
        say "installing Chromium with apt-get"
        local log=$CACHE/chromium.log
        if apt-get -q update >"$log" 2>&1 </dev/null &&
            DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends chromium >>"$log" 2>&1 </dev/null; then
            CHROMIUM=$(command -v chromium)
            export CHROMIUM
            return
        fi
        die "Chromium cannot be installed (see $log): install it, or name one in CHROMIUM"
    fi
    die "there is no Chromium here: install it (Debian: apt-get install chromium), or name one in CHROMIUM"
}
