-- Who did what: people's decisions and our writes, with what the target answered.
create table event_audit_log (
  account_id varchar(200) not null comment 'tenant',
  id bigint unsigned not null auto_increment,
  at bigint not null comment 'ms',
  actor longtext not null comment 'a person, or one of our functions',
  action varchar(200) not null comment 'resolve, retry, written, ...',
  subject longtext not null comment 'a record key, error:id, account:side, ...',
  details longtext not null comment 'JSON, never a secret',
  primary key (account_id, id),
  key id (id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Append-only. Written by merge, the writers, dlq, the poller, notify and review; read by review. Grows with every write to a target, and with what people and functions decide.'
