-- Whose ids are whose. A link is retired when its side deleted the record, and never removed: news about a retired
-- id creates nothing.
create table record_link (
  account_id varchar(200) not null comment 'tenant',
  record_type varchar(200) not null,
  side enum ('netsuite', 'suitex') not null,
  side_id varchar(200) not null comment 'the id on that side',
  record_id varchar(200) not null comment 'canonical id',
  retired boolean not null,
  primary key (account_id, record_type, side, side_id),
  key record (account_id, record_type, record_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by merge and the writers when a record gets, loses or takes over an id; read by these, dlq, review and the poller. A row per id, for ever.'
