# shellcheck shell=bash
# shellcheck disable=SC2154 # HOME_DIR and CACHE are scripts/services'
# The Pub/Sub emulator of an installed Google Cloud SDK. It keeps everything in memory.

pubsub_variable() { echo PUBSUB_EMULATOR_HOST; }

pubsub_address() { echo "127.0.0.1:$1"; }

pubsub_patience() { echo 60; }

pubsub_fetch() {
    local program
    program=$(pubsub_program)
    [[ ! -x $program ]] || return 0
    local sdk
    sdk=$(timeout 60 gcloud info --format='value(installation.sdk_root)' 2>/dev/null </dev/null) || true
    program=$sdk/platform/pubsub-emulator/bin/cloud-pubsub-emulator
    [[ -n $sdk && -x $program ]] ||
        die "no Pub/Sub emulator: run 'gcloud components install pubsub-emulator' (or install Google's package \
google-cloud-cli-pubsub-emulator), or set PUBSUB_EMULATOR_HOST to one that runs, or see compose.yaml"
    command -v java >/dev/null || [[ -n ${JAVA_HOME:-} ]] ||
        die "the Pub/Sub emulator needs Java: install a headless JRE, 17 or later"
    echo "$program" >"$CACHE/pubsub"
}

# Asking gcloud takes a second: its answer is kept.
pubsub_program() {
    cat "$CACHE/pubsub" 2>/dev/null || true
}

pubsub_run() {
    local program
    program=$(pubsub_program)
    exec 1>&2
    # It starts threads and never ends them: without a limit it takes the machine along.
    export JAVA_OPTS=${JAVA_OPTS:--Xmx512m -Xss512k}
    exec "$program" --host=127.0.0.1 --port="$1"
}

pubsub_answers() {
    http_status "$1" /
}
