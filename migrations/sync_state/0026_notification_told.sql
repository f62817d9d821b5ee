-- Notices with what it takes to tell people: how grave, to whom, about what; who has seen to it; whether it was decided
-- already to whom it goes. What is there was never sent to anybody, and is not sent now: it counts as planned.
alter table notification
  add column severity varchar(20) not null default 'warning' comment 'info, warning, critical',
  add column audience longtext null comment 'JSON: who is told; null: those of the topic',
  add column subject varchar(600) not null default '' comment 'error:id, conflict:id, account:id, ...',
  add column link longtext null comment 'path of the page about it',
  add column acknowledged_at bigint null comment 'ms',
  add column acknowledged_by varchar(320) null comment 'a person',
  add column is_planned boolean not null default true comment 'it was decided to whom it goes',
  add key newest (account_id, at desc, notification_id),
  add key unread (account_id, acknowledged_at, at desc, notification_id),
  add key unplanned (account_id, is_planned, at, notification_id)
