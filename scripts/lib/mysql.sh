# shellcheck shell=bash
# shellcheck disable=SC2154 # HOME_DIR and CACHE are scripts/services'
# MySQL itself, not a relative of it: from Debian unstable, the one suite that has it.

mysql_variable() { echo SYNC_TEST_MYSQL; }

mysql_address() { echo "mysql://root@127.0.0.1:$1"; }

# After kill -9 it recovers first.
mysql_patience() { echo 120; }

mysql_fetch() {
    unpack mysql sid mysql-server-core mysql-client-core ||
        die "MySQL cannot be unpacked here (it needs apt and a Debian mirror that has unstable; log: $CACHE/mysql.log): \
set SYNC_TEST_MYSQL to a server of your own, or see compose.yaml"
    ! slow_disk_is_asked || slow_disk_build
}

mysql_run() {
    local port=$1 folder=$HOME_DIR/mysql root=$CACHE/mysql/usr
    # Little for the tests, whose data is little; scripts/bench gives what its data needs, as production does.
    local memory=${SYNC_MYSQL_MEMORY:-256M} redo=${SYNC_MYSQL_REDO:-128M}
    local common=(--no-defaults --user="$(id -un)" --basedir="$root" --lc-messages-dir="$root/share/mysql"
        --character-sets-dir="$root/share/mysql/charsets" --plugin-dir="$root/lib/mysql/plugin"
        --secure-file-priv=NULL --innodb-redo-log-capacity="$redo")
    # Initialised beside and then moved: what was broken off halfway is begun anew.
    if [[ ! -e $folder/data/db ]]; then
        rm -rf "$folder/data/db.new"
        (unpacked mysql sbin/mysqld "${common[@]}" --datadir="$folder/data/db.new" --initialize-insecure) || exit
        mv "$folder/data/db.new" "$folder/data/db"
    fi
    # A killed server leaves its lock, which names a process that may linger as a zombie; we know it is over.
    rm -f "$folder/data/db"/mysqld.{sock,sock.lock,pid}
    # Names are not looked up, so that an address is a user's host; root comes from 127.0.0.1.
    cat >"$folder/data/init.sql" <<'SQL'
create user if not exists 'root'@'127.0.0.1' identified by '';
grant all privileges on *.* to 'root'@'127.0.0.1' with grant option;
SQL
    local preload=()
    if slow_disk_is_asked; then
        preload=(--preload "$(slow_disk_library)")
        export SLOW_DISK=$folder/slow_disk
    fi
    # Durable as in production: a commit that was answered survives kill -9. The binary log is on as it is
    # there, and so migrations, which are not root, need leave to create triggers.
    unpacked "${preload[@]}" mysql sbin/mysqld "${common[@]}" --datadir="$folder/data/db" --init-file="$folder/data/init.sql" \
        --bind-address=127.0.0.1 --port="$port" --mysqlx=OFF --socket=mysqld.sock --pid-file=mysqld.pid \
        --skip-name-resolve --default-time-zone=+00:00 --max-connections=300 --innodb-buffer-pool-size="$memory" \
        --innodb-flush-log-at-trx-commit=1 --sync-binlog=1 --log-bin=binlog --server-id=1 \
        --log-bin-trust-function-creators=ON --binlog-expire-logs-seconds=3600 --max-binlog-size=64M \
        --performance-schema=OFF
}

mysql_answers() {
    (unpacked mysql bin/mysqladmin --no-defaults --protocol=TCP -h127.0.0.1 -P"$1" -uroot --connect-timeout=2 ping)
}
