-- What was edited, in the transaction that edited it. Events derive their ids from ours, so an id must never be
-- given twice: this table may be emptied row by row, but never truncated.
create table outbox_events (
    id         bigint unsigned not null auto_increment,
    table_name varchar(64)     not null comment 'business table',
    row_id     bigint unsigned not null comment 'its primary key',
    sync_id    varchar(200)    null comment 'canonical id, of rows that the sync created',
    operation  varchar(6)      not null comment 'create, update or delete',
    revision   bigint          not null comment 'of the row, after the edit',
    changes    json            not null comment 'column -> new value, in wire form',
    previous   json            not null comment 'column -> old value; empty for create and delete',
    at         datetime(3)     not null comment 'UTC',
    actor      varchar(200)    not null comment '@sync_actor, or else the database user',
    is_sealed  boolean         not null default false comment 'the relay has seen it: no edit joins it any more',
    primary key (id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by triggers; read, sealed and emptied by the outbox relay. The SuiteX writer takes out what tells of its own updates and deletions. Grows while the relay is away.';
