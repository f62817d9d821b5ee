-- What people have stopped: an account's writes to a side.
create table account_hold (
  account_id varchar(200) not null comment 'tenant',
  side enum ('netsuite', 'suitex') not null comment 'that is written to',
  is_held boolean not null,
  since bigint not null comment 'ms',
  actor longtext not null comment 'who holds it, or let it go last',
  reason longtext not null,
  primary key (account_id, side)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by review; read by the writers. Two rows per account at most.'
