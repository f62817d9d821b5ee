-- One row for each row of a synced business table, deleted ones included: what the sync must know of a row and
-- SuiteX need not. It stands beside the business tables because a trigger on a child table may not touch its
-- parent table: MySQL refuses that (1442) to every statement that so much as reads the parent.
create table sync_rows (
    table_name   varchar(64)     not null comment 'business table',
    row_id       bigint unsigned not null comment 'its primary key',
    sync_id      varchar(200)    null comment 'canonical id, of rows that the sync created',
    revision     bigint          not null comment 'up by one with each edit of the row or its lists',
    is_deleted   boolean         not null default false comment 'a tombstone: revision is that of the deletion',
    lists        json            not null comment 'list -> line row id -> line, as the triggers last saw it',
    edit         varchar(80)     null comment 'the last edit, which its later statements join',
    outbox_id    bigint unsigned null comment 'the outbox row of that edit',
    call_id      char(36)        null comment 'the last call of the sync that changed it',
    call_values  json            null comment 'column -> value that this call left, of what it changed',
    live_sync_id varchar(200)    as (if(is_deleted, null, sync_id)) stored
                                 comment 'a canonical id names one living row',
    primary key (table_name, row_id),
    unique key live_sync_id (table_name, live_sync_id),
    key sync_id (table_name, sync_id, row_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by triggers, and by migrate, which takes in the rows that are there; read by the SuiteX writer. Grows with the business tables; tombstones stay.';
