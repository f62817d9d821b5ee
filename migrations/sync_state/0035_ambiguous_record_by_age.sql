-- People see those questions first that have waited longest. What is open already stands first until it is next written.
alter table ambiguous_record
  add column opened_at bigint not null default 0 comment 'since when it is asked, ms',
  add key open_by_age (account_id, status, opened_at, ambiguity_id),
  algorithm = inplace, lock = none
