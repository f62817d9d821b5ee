# shellcheck shell=bash
# shellcheck disable=SC2154 # HOME_DIR and CACHE are scripts/services'
# What all services have in common: an address, a port, a process, an end.
#
# Each service NAME brings, in a file of its own:
#   NAME_variable        the environment variable that carries its address
#   NAME_address PORT    the address of our own instance
#   NAME_fetch           sees that its program is here
#   NAME_run PORT        becomes the server: execs, and logs to standard error
#   NAME_answers PORT    whether it serves requests
#   NAME_patience        seconds until it must
#
# Its folder, $HOME_DIR/NAME, has: pid ("PID STARTED"), port, log, data; MySQL's, at times, slow_disk.

die() {
    echo "scripts/services: $1" >&2
    exit 1
}

say() {
    echo "scripts/services: $1" >&2
}

variable() {
    "$1_variable"
}

# The address in force: the environment's, or else our own instance's.
address() {
    local name=$1 variable
    if is_given "$name"; then
        variable=$(variable "$name")
        echo "${!variable}"
    else
        "$1_address" "$(port_of "$name")"
    fi
}

# Whether the environment names a server that is not ours. It may well name ours: by our own `env`.
is_given() {
    local name=$1 variable given
    variable=$(variable "$name")
    given=${!variable:-}
    [[ -n $given ]] && ! { [[ -s $HOME_DIR/$name/port ]] && [[ $given == "$("${name}_address" "$(port_of "$name")")" ]]; }
}

port_of() {
    cat "$HOME_DIR/$1/port" 2>/dev/null
}

# The process, if it is alive and is the one that we started: its number may be another program's by now.
pid_of() {
    local pid started
    read -r pid started 2>/dev/null <"$HOME_DIR/$1/pid" || return 1
    [[ -n $started && $(started_at "$pid") == "$started" ]] || return 1
    echo "$pid"
}

# When a process began, in clock ticks since the machine's start; nothing once it is dead.
started_at() {
    local stat
    # The program's name may hold blanks and brackets: the last bracket ends it.
    stat=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 0
    [[ $stat == Z* ]] || cut -d' ' -f20 <<<"$stat"
}

bring_up() {
    local name=$1 pid
    if is_given "$name"; then
        given_answers "$name"
    elif pid=$(pid_of "$name"); then
        slow_disk_forget "$name"
        if [[ $name == mysql ]] && slow_disk_is_asked; then
            slow_disk_require "$name" "$pid"
        fi
        await "$name"
    else
        mkdir -p "$HOME_DIR/$name/data"
        fetch "$name"
        start "$name"
    fi
}

# One at a time: several folders may share one cache.
fetch() {
    (
        flock -w 600 7 || die "another scripts/services has been fetching $1 for ten minutes: end it first"
        "${1}_fetch"
    ) 7>"$CACHE/$1.lock" || exit
}

given_answers() {
    local name=$1 variable host rest
    variable=$(variable "$name")
    rest=${!variable#*://}
    rest=${rest##*@}
    host=${rest%%/*}
    [[ $host == *:* ]] || die "$variable=${!variable} names no port: write HOST:PORT"
    # shellcheck disable=SC2016 # the inner shell expands them
    timeout 5 bash -c '</dev/tcp/"$1"/"$2"' - "${host%:*}" "${host##*:}" 2>/dev/null ||
        die "nothing answers at $variable=${!variable}: start it, or unset $variable to have one started"
}

# Starts on the port of last time, so that clients find it again after a crash; on another if that was taken.
start() {
    local name=$1 port
    for _ in 1 2 3; do
        port=$(port_of "$name") || true
        if [[ -z $port ]] || ! becomes_free "$port"; then
            port=$(free_port)
            echo "$port" >"$HOME_DIR/$name/port"
        fi
        launch "$name" "$port"
        # Lost the port between looking and listening: the next round takes another.
        if await "$name"; then return; fi
        pid_of "$name" >/dev/null && break
        grep -qiE 'address already in use|bind: ' "$HOME_DIR/$name/log" || break
        rm -f "$HOME_DIR/$name/port"
    done
    tail -n 5 "$HOME_DIR/$name/log" >&2
    die "$name did not start: its last words are above, all of them in $HOME_DIR/$name/log"
}

launch() {
    local name=$1 port=$2
    rm -f "$HOME_DIR/$name/pid"
    slow_disk_forget "$name"
    # A process group of its own: what ends us does not end the server.
    set -m
    (
        # Neither the lock nor the terminal is the server's.
        exec 9>&- </dev/null >/dev/null 2>"$HOME_DIR/$name/log"
        trap '' HUP
        # By itself: were we killed now, it would still be found.
        local pid=$BASHPID
        echo "$pid $(started_at "$pid")" >"$HOME_DIR/$name/pid"
        "${name}_run" "$port"
    ) &
    set +m
    until [[ -s $HOME_DIR/$name/pid ]]; do
        kill -0 $! 2>/dev/null || return 0
        sleep 0.01
    done
}

# Waits until it answers; fails when it is dead or its time is over.
await() {
    local name=$1 port deadline
    port=$(port_of "$name")
    deadline=$((SECONDS + $("${name}_patience")))
    until "${name}_answers" "$port" >/dev/null 2>&1; do
        pid_of "$name" >/dev/null || return 1
        ((SECONDS < deadline)) || {
            say "$name does not answer on port $port"
            return 1
        }
        sleep 0.05
    done
}

bring_down() {
    local name=$1 pid
    is_given "$name" && return
    # What it has to write as it ends would take minutes.
    slow_disk_forget "$name"
    if pid=$(pid_of "$name"); then
        end "$name" "$pid" TERM 30 || end "$name" "$pid" KILL 10 || die "$name (process $pid) cannot be ended"
    fi
    rm -f "$HOME_DIR/$name/pid"
}

# Ends one process that is ours; fails when it is still there after so many seconds.
end() {
    local name=$1 pid=$2 signal=$3 deadline=$((SECONDS + $4))
    kill "-$signal" "$pid" 2>/dev/null || true
    # One that is frozen would never know.
    kill -CONT "$pid" 2>/dev/null || true
    while pid_of "$name" >/dev/null; do
        ((SECONDS < deadline)) || return 1
        sleep 0.02
    done
}

restart() {
    owned "$1"
    bring_down "$1"
    bring_up "$1"
}

kill_hard() {
    local name=$1 pid
    owned "$name"
    pid=$(pid_of "$name") || die "$name is not running"
    end "$name" "$pid" KILL 10 || die "$name (process $pid) cannot be ended"
}

freeze() {
    signal "$1" STOP
}

thaw() {
    signal "$1" CONT
}

signal() {
    local name=$1 pid
    owned "$name"
    pid=$(pid_of "$name") || die "$name is not running"
    kill "-$2" "$pid"
}

owned() {
    ! is_given "$1" || die "$1 was given by $(variable "$1"): it is not ours to end"
}

status() {
    local name=$1 pid state='is not running'
    if is_given "$name"; then
        state="given at $(address "$name")"
        (given_answers "$name") 2>/dev/null || state+=', does not answer'
    elif pid=$(pid_of "$name"); then
        state="process $pid at $(address "$name")"
        "${name}_answers" "$(port_of "$name")" >/dev/null 2>&1 || state+=', does not answer'
    fi
    printf '%-7s %s\n' "$name" "$state"
    [[ $state != *not* ]]
}

# Below the range from which the kernel takes ports for outgoing connections.
free_port() {
    local port
    for _ in {1..100}; do
        port=$((20000 + RANDOM % 10000))
        is_taken "$port" || {
            echo "$port"
            return
        }
    done
    die "no free port between 20000 and 30000"
}

# Whether the port is free within two seconds: the kernel may still be clearing up after a kill -9.
becomes_free() {
    for _ in {1..100}; do
        is_taken "$1" || return 0
        sleep 0.02
    done
    return 1
}

is_taken() {
    (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null
}

# The first line of the answer to GET PATH.
http_status() {
    local port=$1 path=$2 line
    exec 8<>"/dev/tcp/127.0.0.1/$port" || return 1
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$path" "$port" >&8
    read -r -t 2 line <&8 || line=''
    exec 8>&-
    [[ $line == HTTP/*' 200 '* ]]
}
