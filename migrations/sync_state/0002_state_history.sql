-- Every decision about a record, with what both sides held and what was agreed before and after.
create table state_history (
  account_id varchar(200) not null comment 'tenant',
  record_type varchar(200) not null,
  record_id varchar(200) not null comment 'canonical id',
  row_revision bigint unsigned not null comment 'the row of current_state that the decision made',
  position int unsigned not null comment 'several decisions may make one row',
  version bigint unsigned not null comment 'the version after it',
  at bigint not null comment 'ms',
  source varchar(200) not null comment 'who told: a source, reply or read',
  actor longtext null comment 'person or script, as the source named it',
  events longtext not null comment 'JSON: ids of the ledger events that led to it',
  decisions longtext not null comment 'JSON: field, rule, base, ours, from, to',
  primary key (account_id, record_type, record_id, row_revision, position)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Append-only. Written by merge and the writers with the state they decided; read by review and dlq. Grows with every decision.'
