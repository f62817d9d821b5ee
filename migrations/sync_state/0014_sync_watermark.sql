-- How far the readers have come. A mark never goes back.
create table sync_watermark (
  account_id varchar(200) not null comment 'tenant',
  name varchar(200) not null comment 'the reader',
  reached bigint unsigned not null,
  primary key (account_id, name)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written and read by merge (its scan of the ledger for gaps). A row per account.'
