-- Notices for people.
create table notification (
  account_id varchar(200) not null comment 'tenant',
  notification_id binary(16) not null comment 'derived: the same notice is one row',
  at bigint not null comment 'ms',
  topic varchar(200) not null comment 'error, conflict, auth, ...',
  message longtext not null,
  primary key (account_id, notification_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by merge, the writers, dlq, the poller, notify and review; read by notify and review. A row per notice.'
