-- A create takes the turns of its match keys before it looks for rows that it could be, and has them until its
-- transaction ends: two creates of one key come one after the other. A turn is the lock of a row: it goes with the
-- transaction, however that ends, and leaves nothing behind on a pooled connection, as a lock by name would.
create table sync_turns (
    turn smallint unsigned not null comment 'below 1024: by hash of table, key and values',
    primary key (turn)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written and locked by the SuiteX writer when it creates; nobody reads it. Has 1024 rows at most.';
