# shellcheck shell=bash
# shellcheck disable=SC2154 # CACHE is whoever sources this one's
# Node and npm, for the tests of suitescript/: the machine's own where they are new enough, else Node's own build.

# The oldest that the tests run on, and what is fetched where there is none.
NODE_OLDEST=20
NODE_FETCHED=v22.20.0

# node_ready: `node` and `npm` are there, on the PATH.
node_ready() {
    if command -v npm >/dev/null &&
        node -e "process.exit(parseInt(process.versions.node) < $NODE_OLDEST ? 1 : 0)" 2>/dev/null; then
        return
    fi
    local root=$CACHE/node kind
    case $(uname -s)-$(uname -m) in
        Linux-x86_64) kind=linux-x64 ;;
        Linux-aarch64) kind=linux-arm64 ;;
        Darwin-arm64) kind=darwin-arm64 ;;
        *) die "there is no Node for this kind of machine: install Node $NODE_OLDEST or newer, with npm" ;;
    esac
    if [[ ! -x $root/bin/npm ]]; then
        say "fetching Node $NODE_FETCHED"
        rm -rf "$root.new" && mkdir -p "$root.new"
        curl -fsSL --retry 2 --max-time 300 "https://nodejs.org/dist/$NODE_FETCHED/node-$NODE_FETCHED-$kind.tar.gz" |
            tar -xz -C "$root.new" --strip-components=1 ||
            die "Node cannot be fetched here: install Node $NODE_OLDEST or newer, with npm"
        # Whole, or not there.
        rm -rf "$root" && mv "$root.new" "$root"
    fi
    export PATH=$root/bin:$PATH
}
