-- A notice, or many as a digest, on its way to one recipient. Written before anything is sent; claimed while it is.
create table notice_delivery (
  account_id varchar(200) not null comment 'tenant',
  delivery_id binary(16) not null comment 'derived; the message''s own id too',
  channel varchar(20) not null comment 'email, slack',
  recipient varchar(320) not null comment 'an address, or a webhook''s name; never its address',
  topic varchar(200) not null,
  standing enum ('due', 'sent', 'given_up') not null,
  due_at bigint not null comment 'when it is to be sent, or was, ms',
  attempts int unsigned not null,
  created_at bigint not null comment 'ms',
  failure longtext null comment 'why the last attempt failed',
  in_trouble boolean not null comment 'tried in vain, and not sent since',
  claim binary(16) null comment 'who is sending it',
  claimed_until bigint null comment 'ms',
  primary key (account_id, delivery_id),
  key due (account_id, standing, due_at, delivery_id),
  key newest (account_id, created_at desc, delivery_id),
  key trouble (account_id, in_trouble, created_at desc, delivery_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by notify; read by it and review. A row per message to somebody.'
