-- The inbox: open conflicts by the time they are due, and whose they are. Rows that were there before are due at once,
-- until their record is next written: nobody has told them when.
alter table conflicts
  add column opened_at bigint not null default 0 comment 'since when the sides disagree, ms',
  add column due_at bigint not null default 0 comment 'by when somebody should have decided, ms',
  add column assignee varchar(320) not null default '' comment 'whose it is: an address; nobody''s when empty',
  add column locks_record boolean not null default false comment 'the whole record waits, not its fields alone',
  add column deleted boolean not null default false comment 'a side has deleted the record',
  add key inbox (account_id, is_open, due_at, conflict_id),
  add key of_type (account_id, is_open, record_type, due_at, conflict_id),
  add key of_assignee (account_id, is_open, assignee, due_at, conflict_id),
  add key opened (account_id, opened_at)
