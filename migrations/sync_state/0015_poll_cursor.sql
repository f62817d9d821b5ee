-- How far the poller has come in NetSuite, for each of its scans of an account. Unlike a watermark a cursor goes back
-- when NetSuite's wall clock does, so the poller alone judges it.
create table poll_cursor (
  account_id varchar(200) not null comment 'tenant',
  name varchar(200) not null comment 'the scan: a record type, deletions or sweep; or scans that fail',
  cursor_text longtext not null comment 'the poller''s own JSON: NetSuite''s times as NetSuite writes them',
  primary key (account_id, name)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written and read by the poller. A row per account and synced type, and three more per account.'
