-- Calls that may occupy one of NetSuite's slots: held until the reply, or until the call can no longer run.
create table open_call (
  account_id varchar(200) not null comment 'tenant',
  call_id binary(16) not null,
  free_at bigint not null comment 'from then on it cannot run any more, ms',
  silent_from bigint not null comment 'from then on nobody waits for its answer any more, ms',
  primary key (account_id, call_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by whoever calls NetSuite (ns-writer, the poller, review); read by these and notify. As many rows as there are calls under way.'
