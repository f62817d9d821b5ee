-- Records of which a side has several that could be them. A person must tell; what was answered is kept.
create table ambiguous_record (
  account_id varchar(200) not null comment 'tenant',
  record_type varchar(200) not null,
  record_id varchar(200) not null comment 'canonical id',
  ambiguity_id binary(16) not null comment 'derived from the record and the side that lacks it',
  status enum ('open', 'answered', 'closed') not null,
  details longtext not null comment 'JSON: the candidates, what a person declined, the last answer',
  primary key (account_id, record_type, record_id),
  key by_id (ambiguity_id),
  key open_questions (status, account_id, record_type, record_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by the writers (questions) and merge (answers); read by them, review and notify. A row per record about which it was ever asked.'
