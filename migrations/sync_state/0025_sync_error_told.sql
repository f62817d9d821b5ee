-- What a person is told of an error beyond its message: what led to it, why it stands where it does, and which events
-- people have sent in place of those that are stuck. A program of the release before leaves them null, and keeps them.
alter table sync_error_queue
  add column causes longtext null comment 'JSON: texts, the outermost first',
  add column note longtext null comment 'who dismissed it and why, what has overtaken it',
  add column edits longtext null comment 'JSON: ids of events'
