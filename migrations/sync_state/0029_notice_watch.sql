-- What the watcher remembers of an account between two looks.
create table notice_watch (
  account_id varchar(200) not null comment 'tenant',
  revision bigint unsigned not null comment 'up by one with each change',
  memory longtext not null comment 'its own JSON',
  primary key (account_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written and read by notify. A row per account.'
