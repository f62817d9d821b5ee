create table synced_events (
    id         bigint unsigned not null auto_increment,
    table_name varchar(64)     not null comment 'business table',
    row_id     bigint unsigned not null comment 'its primary key',
    operation  varchar(6)      not null comment 'create, update or delete',
    revision   bigint          not null comment 'of the row, after the change',
    at         datetime(3)     not null default (utc_timestamp(3)) comment 'UTC',
    primary key (id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'A row per change that the sync applied, written by the SuiteX writer in its transaction. Read and emptied by SuiteX, which raises its own domain events from it; grows until it does.';
