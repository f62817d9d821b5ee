-- Each holds for itself: what people let go stays held as long as the watcher holds it, and the other way round. What is
-- held already counts as people's.
alter table account_hold
  add column holder enum ('people', 'watch') not null default 'people' comment 'whose hold it is',
  drop primary key,
  add primary key (account_id, side, holder),
  comment = 'Written by review and notify; read by them and the writers. Four rows per account at most.',
  algorithm = inplace, lock = none
