-- Where each accepted event is: at all times in exactly one place. A row stays when the event is done, as a marker
-- longer than the bus can deliver it again.
create table pending_event (
  account_id varchar(200) not null comment 'tenant',
  event_id binary(16) not null comment 'the ledger event',
  record_type varchar(200) not null,
  subject varchar(250) not null comment 'netsuite:, suitex: or canonical:, and the id: the record as its source names it',
  arrived_at bigint not null comment 'when merge took it, ms',
  place enum ('pending', 'waiting', 'applied', 'superseded', 'conflict', 'error') not null,
  due_at bigint null comment 'pending: swept from then on; waiting: an error from then on; ms',
  waits_for longtext null comment 'waiting: type:side:id whose link it waits for',
  place_id binary(16) null comment 'the conflict or error',
  primary key (account_id, event_id),
  key open_events (account_id, record_type, subject, place),
  key due (account_id, due_at, record_type, subject),
  key waits (account_id, waits_for(450)),
  key held (account_id, place_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by merge and dlq (enqueued, moved), the writers (what a reply told; moved) and review (redrive: moved); read by merge, dlq, review and notify. A row per event.'
