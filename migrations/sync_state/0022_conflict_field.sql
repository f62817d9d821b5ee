-- The fields that a conflict is about, for the inbox to be asked by field.
create table conflict_field (
  account_id varchar(200) not null comment 'tenant',
  conflict_id binary(16) not null,
  record_type varchar(200) not null,
  field varchar(200) not null comment 'canonical name',
  is_open boolean not null comment 'the conflict is, and about this field',
  due_at bigint not null comment 'as in conflicts',
  primary key (account_id, conflict_id, field),
  key of_field (account_id, is_open, record_type, field, due_at, conflict_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written with each commit of a record that has a conflict or loses it (merge, the writers, dlq, review, notify); read by review. A row per conflict and field.'
