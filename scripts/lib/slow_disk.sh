# shellcheck shell=bash
# shellcheck disable=SC2154 # HOME_DIR and CACHE are scripts/services'
# A disk that is slow on demand, for crash tests: slow_disk.c, loaded into the server. Only into one that is started
# with SYNC_MYSQL_SLOW_DISK=1, so that benchmarks measure a bare MySQL. While $HOME_DIR/mysql/slow_disk is there, it
# holds the milliseconds.

slow_disk_is_asked() {
    [[ ${SYNC_MYSQL_SLOW_DISK:-} == 1 ]]
}

slow_disk_library() { echo "$CACHE/slow_disk/slow_disk.so"; }

# Compiles it, unless that was done from this very source.
slow_disk_build() {
    local source=scripts/lib/slow_disk.c compiler=${CC:-cc} work=$CACHE/slow_disk.new log=$CACHE/slow_disk.log
    ! cmp -s "$source" "$CACHE/slow_disk/slow_disk.c" || return 0
    command -v "$compiler" >/dev/null ||
        die "no C compiler ($compiler), which SYNC_MYSQL_SLOW_DISK=1 needs: install one, or name it in CC"
    rm -rf "$work" && mkdir -p "$work"
    "$compiler" -shared -fPIC -O2 -o "$work/slow_disk.so" "$source" -ldl >"$log" 2>&1 ||
        die "$source cannot be compiled (log: $log)"
    cp "$source" "$work/slow_disk.c"
    # Whole, or not there; a server that runs keeps the one that it has.
    rm -rf "${CACHE:?}/slow_disk"
    mv "$work" "$CACHE/slow_disk"
}

# The server that runs has it, whatever is asked for now.
slow_disk_require() {
    grep -qF /slow_disk.so "/proc/$2/maps" 2>/dev/null ||
        die "$1 was started without a disk that can be slow: SYNC_MYSQL_SLOW_DISK=1 scripts/services restart $1"
}

slow() {
    local name=$1 ms=$2 pid
    owned "$name"
    pid=$(pid_of "$name") || die "$name is not running"
    slow_disk_require "$name" "$pid"
    echo "$ms" >"$HOME_DIR/$name/slow_disk.new"
    mv "$HOME_DIR/$name/slow_disk.new" "$HOME_DIR/$name/slow_disk"
    slow_disk_is_noticed
}

quick() {
    owned "$1"
    slow_disk_forget "$1"
    slow_disk_is_noticed
}

# For a server that ends or begins.
slow_disk_forget() {
    rm -f "$HOME_DIR/$1/slow_disk"
}

# A server looks every tenth of a second: once this is over, it has.
slow_disk_is_noticed() {
    sleep 0.2
}
