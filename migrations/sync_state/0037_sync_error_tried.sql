-- What a try again has come to is known by what was sent: who dies between the decision and the sending leaves it to the
-- tick. A program of the release before leaves both as they are.
alter table sync_error_queue
  add column tried_at bigint null comment 'when it was last tried again, unless it was met since, ms',
  add column to_send boolean not null default false comment 'its bytes are to go on the bus, and are not known to be there',
  algorithm = instant
