-- What needs a person. The same error again is the same row, counted up.
create table sync_error_queue (
  account_id varchar(200) not null comment 'tenant',
  error_id binary(16) not null comment 'derived from what went wrong',
  record_type varchar(200) null comment 'of the record, when it is known',
  record_id varchar(200) null comment 'canonical id, when it is known',
  class varchar(200) not null comment 'validation, malformed, not_persisted, waiting, missing, identity, ...',
  code longtext not null comment 'the side''s, or our own',
  message longtext not null,
  hint longtext not null comment 'what to do',
  field longtext null,
  events longtext not null comment 'JSON: ids of the ledger events that are stuck',
  payload longtext null comment 'bytes that are no event; a data URL when they are no text',
  attempts int unsigned not null comment 'how often it was met',
  first_at bigint not null comment 'ms',
  last_at bigint not null comment 'ms',
  status enum ('open', 'retried', 'closed') not null,
  primary key (account_id, error_id),
  key by_id (error_id),
  key newest (first_at desc, error_id),
  key newest_of_status (status, first_at desc, error_id),
  key newest_of_account (account_id, first_at desc, error_id),
  key newest_of_account_and_status (account_id, status, first_at desc, error_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by merge, the writers, dlq, the poller and review (redrive, brake); read by these and notify. A row per distinct error.'
