-- Which record has, or had, a conflict. The conflict itself is in the record's row; a closed one stays known here,
-- so that who decides it again is told that it is over.
create table conflicts (
  account_id varchar(200) not null comment 'tenant',
  conflict_id binary(16) not null,
  record_type varchar(200) not null,
  record_id varchar(200) not null comment 'canonical id',
  is_open boolean not null,
  primary key (account_id, conflict_id),
  key by_id (conflict_id),
  key open_conflicts (is_open, account_id, record_type, record_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written with each commit of a record that has a conflict or loses it (merge, the writers, dlq, review, notify), and by review when somebody takes it; read by review and notify. A row per conflict ever opened.'
