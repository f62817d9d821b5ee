# shellcheck shell=bash
# shellcheck disable=SC2154 # CACHE is scripts/services'
# Programs from Debian's packages, unpacked into the cache with every library they need. The machine's own
# packages stay as they are, and nothing here needs to be root.

# unpack NAME SUITE PACKAGE...: into $CACHE/NAME. Whoever calls adds what to do when it cannot be had.
unpack() {
    local name=$1 suite=$2
    shift 2
    [[ ! -e $CACHE/$name/usr ]] || return 0
    local mirror work=$CACHE/$name.new log=$CACHE/$name.log
    mirror=$(debian_mirror)
    if ! command -v apt-get >/dev/null || [[ -z $mirror ]]; then
        echo "no apt, or no mirror of Debian among its sources (DEBIAN_MIRROR names one)" >"$log"
        return 1
    fi
    say "unpacking $name from Debian $suite"

    rm -rf "$work"
    mkdir -p "$work"/apt/{etc/apt.conf.d,etc/preferences.d,state/lists/partial,cache/archives/partial,dpkg} "$work/root"
    # By an empty status apt knows of nothing installed: every library comes along, the C library too.
    : >"$work/apt/dpkg/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/apt/etc/sources.list"
    local apt=(apt-get -q -o Dir::Etc="$work/apt/etc" -o Dir::Etc::Parts="$work/apt/etc/apt.conf.d"
        -o Dir::State="$work/apt/state" -o Dir::State::status="$work/apt/dpkg/status" -o Dir::Cache="$work/apt/cache"
        -o APT::Install-Recommends=false -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none
        -o Acquire::Check-Valid-Until=false -o Acquire::Retries=2 -o Debug::NoLocking=1 -o APT::Update::Error-Mode=any)
    timeout 180 "${apt[@]}" update >"$log" 2>&1 </dev/null || return 1
    timeout 300 "${apt[@]}" -y --download-only install "$@" >>"$log" 2>&1 </dev/null || return 1

    local deb
    for deb in "$work"/apt/cache/archives/*.deb; do
        case ${deb##*/} in
            libperl* | libdebconf*) ;; # of maintainer scripts, which are not run
            "$name"-* | lib* | lua-* | gcc-* | zlib1g*) timeout 60 dpkg-deb -x "$deb" "$work/root" 2>>"$log" || return 1 ;;
        esac
    done
    rm -rf "$work/root/usr/share"/{doc,man,locale}
    # Whole, or not there.
    rm -rf "${CACHE:?}/$name"
    mv "$work/root" "$CACHE/$name"
    rm -rf "$work"
}

# The mirror that this machine uses already.
debian_mirror() {
    [[ -z ${DEBIAN_MIRROR:-} ]] || {
        echo "$DEBIAN_MIRROR"
        return
    }
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } |
        sed -nE 's/^URIs: *//p; s/^deb (\[[^]]*\] )?([^ ]*) .*/\2/p' | sed -nE '/\/debian\/?$/{p;q}'
}

# unpacked [--preload LIBRARY] NAME PROGRAM ARGUMENT...: becomes a program of $CACHE/NAME, on its own libraries. The
# loader preloads, and not LD_PRELOAD, which would be handed on to whatever the program starts.
unpacked() {
    local preload=()
    if [[ $1 == --preload ]]; then
        preload=(--preload "$2")
        shift 2
    fi
    local root=$CACHE/$1 program=$2 loader folders
    shift 2
    loader=$(first "$root"/lib/*-linux-*/ld-linux-*.so.* "$root"/usr/lib/*-linux-*/ld-linux-*.so.*) ||
        die "$root is damaged: delete it, and run scripts/services up again"
    folders=$(printf '%s:' "$root"/lib/*-linux-* "$root"/usr/lib/*-linux-* "$root"/usr/lib/*/private "$root"/usr/lib/*/*/private)
    exec "$loader" "${preload[@]}" --library-path "${folders%:}" "$root/usr/$program" "$@"
}

# The first of these files that exists.
first() {
    local file
    for file in "$@"; do
        [[ ! -e $file ]] || {
            echo "$file"
            return
        }
    done
    return 1
}
