-- What a person has decided about what a brake holds. A program of the release before leaves it null.
alter table sync_error_queue
  add column brake enum ('pass', 'discard') null comment 'what becomes of what is held',
  algorithm = instant
