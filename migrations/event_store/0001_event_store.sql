-- The ledger: every accepted event, for ever.
--
-- Written by merge (and by dlq, ns-writer and sx-writer through the same port): INSERT alone. Read by merge, dlq
-- and review, and by people. Grows by one row with each accepted event; nothing ever takes one away.
--
-- `body` holds the event's bytes exactly as they were accepted: MySQL's JSON type would change the order of
-- keys, the spelling of numbers and the white space. `payload` is the same event as JSON for whoever queries it
-- (payload->>'$.source'); it is computed when it is read and takes no room. Where the bytes are not JSON it is
-- null, and the row is good all the same.
--
-- The rows lie by account, so that a tenant's part is read in one go. `id` rises over all accounts; `created_at`
-- is the moment just before the id was drawn, which a scan needs to tell a gap that is final from an append
-- that is still under way.
create table event_store (
  account_id varchar(200) character set ascii collate ascii_bin not null comment 'tenant',
  id bigint unsigned not null auto_increment comment 'place in the ledger: rising, with gaps',
  event_id binary(16) not null comment 'the UUID; bin_to_uuid(event_id) shows it',
  aggregate_type varchar(200) character set ascii collate ascii_bin not null comment 'record type',
  aggregate_id varchar(200) character set ascii collate ascii_bin not null comment 'the source''s id of the record',
  source varchar(20) character set ascii collate ascii_bin not null comment 'who says so',
  operation varchar(10) character set ascii collate ascii_bin not null comment 'create, update or delete',
  occurred_at datetime(6) not null comment 'when, at the source; UTC',
  body longblob not null comment 'the event, byte for byte',
  payload json generated always as (if(json_valid(convert(body using utf8mb4)), cast(convert(body using utf8mb4) as json), null)) virtual comment 'the event, to be queried',
  created_at datetime(6) not null default current_timestamp(6) comment 'when it was appended; UTC',
  primary key (account_id, id),
  unique key event (account_id, event_id),
  key aggregate (account_id, aggregate_type, aggregate_id, id),
  key place (id, created_at)
) character set utf8mb4 collate utf8mb4_bin comment 'Every accepted event, append-only. Written by merge, dlq and the writers (INSERT alone), read by merge, dlq, review and people. Grows by a row per event, for ever.'
