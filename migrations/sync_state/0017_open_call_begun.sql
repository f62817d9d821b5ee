-- When a call was begun, and how many records it writes: a refusal says nothing new of a limit that has fallen since,
-- and what was written tells the pace.
alter table open_call
  add column begun_at bigint not null default 0 comment 'ms',
  add column writes int unsigned not null default 0 comment 'records'
