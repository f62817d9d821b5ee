-- Which notices a delivery tells.
create table notice_delivery_item (
  account_id varchar(200) not null comment 'tenant',
  delivery_id binary(16) not null,
  notification_id binary(16) not null,
  primary key (account_id, delivery_id, notification_id)
) default character set utf8mb4 collate utf8mb4_bin
  comment = 'Written by notify; read by it and review. A row per notice and recipient.'
