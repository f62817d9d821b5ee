# shellcheck shell=bash
# shellcheck disable=SC2154 # HOME_DIR and CACHE are scripts/services'
# Redis: the machine's own, or else from its Debian's packages.

redis_variable() { echo SYNC_TEST_REDIS; }

redis_address() { echo "redis://127.0.0.1:$1"; }

redis_patience() { echo 20; }

redis_fetch() {
    ! command -v redis-server >/dev/null || return 0
    local suite
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null) || true
    unpack redis "${suite:-stable}" redis-server ||
        die "Redis cannot be unpacked here (it needs apt and a Debian mirror; log: $CACHE/redis.log): \
install redis-server, or set SYNC_TEST_REDIS to a server of your own, or see compose.yaml"
}

# Keeps nothing: a restart is a FLUSHALL, which the system must bear. Standard error is the log.
redis_run() {
    local options=(--bind 127.0.0.1 --port "$1" --dir "$HOME_DIR/redis/data" --save '' --appendonly no
        --maxmemory 256mb --maxmemory-policy volatile-lru --logfile "$HOME_DIR/redis/log")
    if [[ -e $CACHE/redis/usr ]]; then
        unpacked redis bin/redis-server "${options[@]}"
    fi
    exec redis-server "${options[@]}"
}

redis_answers() {
    local line
    exec 8<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'PING\r\n' >&8
    read -r -t 2 line <&8 || line=''
    exec 8>&-
    [[ $line == +PONG* ]]
}
