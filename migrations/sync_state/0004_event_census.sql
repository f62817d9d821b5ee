-- How many events are in each place, so that nobody has to count pending_event. Each connection counts in a shard
-- of its own as far as there are enough, so that two commits of one account don't wait for each other here; a
-- place's number is the sum of its shards, of which one may be negative.
create table event_census (
  account_id varchar(200) not null comment 'tenant',
  place enum ('pending', 'waiting', 'applied', 'superseded', 'conflict', 'error') not null,
  shard tinyint unsigned not null comment 'connection id modulo 64',
  events bigint not null,
  primary key (account_id, place, shard)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by triggers of pending_event alone; read by review and the checks. At most 6 x 64 rows per account.'
