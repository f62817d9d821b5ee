-- An account's use of its NetSuite, over all instances. Who asks for a permit, or gives one back, holds this row
-- locked meanwhile, and the account's rows of open_call with it.
create table governance (
  account_id varchar(200) not null comment 'tenant',
  permits int unsigned not null comment 'calls that NetSuite has been found to bear at once',
  failures int unsigned not null comment 'failed calls in a row',
  not_before bigint not null comment 'no call before then, ms',
  window_from bigint not null comment 'start of the window in which saturation is watched, ms',
  saturated boolean not null comment 'all permits were in use in the window',
  day bigint not null comment 'since the epoch, UTC',
  requests bigint unsigned not null comment 'sent that day',
  overloads bigint unsigned not null comment 'refused for overload, ever',
  primary key (account_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by whoever calls NetSuite (ns-writer, the poller, review); read by these and notify. A row per account.'
