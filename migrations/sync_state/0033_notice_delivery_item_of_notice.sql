-- By which deliveries a notice was told: the pages ask by notice.
alter table notice_delivery_item
  add key of_notice (account_id, notification_id),
  algorithm = inplace, lock = none
