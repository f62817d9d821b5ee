-- What is known of each record: the agreed state, a shadow of each side, and what is under way. Not the truth of
-- what happened (the ledger and state_history are), but the truth of what is agreed now, and the queue of the
-- writers: a record has work for a side when that side's due_at is set.
--
-- A row is locked, compared by row_revision and written in one transaction. Values are canonical JSON text by
-- field name, not MySQL's JSON, which would change numbers; cast(state as json) where they are queried. Times are
-- milliseconds since the epoch, UTC, as everywhere in this schema: what the program compares it gets back exactly,
-- and no session's time zone can move it. from_unixtime(netsuite_due_at / 1000) shows one.
--
-- A row with alias_of is no record: it is a former id of that one, kept so that nothing is ever born under it.
create table current_state (
  account_id varchar(200) not null comment 'tenant',
  record_type varchar(200) not null,
  record_id varchar(200) not null comment 'canonical id',
  alias_of varchar(200) null comment 'this id was that record all along',
  row_revision bigint unsigned not null comment 'up by one with each write of the row',
  version bigint unsigned not null comment 'up by one with each change to state',
  alive boolean not null comment 'false: never there, or a tombstone',
  format smallint unsigned not null comment 'how the texts of the row are written',
  state longtext not null comment 'agreed values',
  origins longtext not null comment 'field -> side and span of the change that set it',
  netsuite_id varchar(200) null comment 'its id in NetSuite, while linked',
  netsuite_shadow longtext null comment 'values NetSuite was last known to hold; null: the same as state',
  netsuite_side longtext not null comment 'revisions, sent values, intent, learned forms',
  netsuite_due_at bigint null comment 'has work for the NetSuite writer from then on, ms',
  netsuite_due_reason enum ('dirty', 'unsettled', 'waiting_for', 'backing_off') null,
  netsuite_due_attempts int unsigned null comment 'failed so far',
  netsuite_waits_for longtext null comment 'type:id of the record whose counterpart it waits for',
  netsuite_waits_since bigint null comment 'ms',
  suitex_id varchar(200) null comment 'its id in SuiteX, while linked',
  suitex_shadow longtext null comment 'values SuiteX was last known to hold; null: the same as state',
  suitex_side longtext not null comment 'revisions, sent values, intent, learned forms',
  suitex_due_at bigint null comment 'has work for the SuiteX writer from then on, ms',
  suitex_due_reason enum ('dirty', 'unsettled', 'waiting_for', 'backing_off') null,
  suitex_due_attempts int unsigned null comment 'failed so far',
  suitex_waits_for longtext null comment 'type:id of the record whose counterpart it waits for',
  suitex_waits_since bigint null comment 'ms',
  conflict_id binary(16) null comment 'the open conflict',
  review longtext null comment 'the open conflict and the locks; null: none',
  last_modified datetime(6) not null default current_timestamp(6) on update current_timestamp(6) comment 'for people',
  primary key (account_id, record_type, record_id),
  key netsuite_due (account_id, netsuite_due_at, record_type, record_id),
  key suitex_due (account_id, suitex_due_at, record_type, record_id),
  key netsuite_waits (account_id, netsuite_waits_for(450)),
  key suitex_waits (account_id, suitex_waits_for(450)),
  key aliases (account_id, record_type, alias_of)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Agreed state, shadows and due work. Written by merge, the writers, dlq, review (redrive) and notify (holds); read by these and the poller. A row per record, tombstones and aliases included.'
