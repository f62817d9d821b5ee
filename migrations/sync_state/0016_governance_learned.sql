-- What an account has been found to bear, beside the permits themselves; how fast its backlog is worked off; and since
-- when our credentials are refused. A program of the release before leaves the defaults: who comes after learns afresh.
alter table governance
  add column proven int unsigned not null default 0 comment 'so many permits were in use without a refusal',
  add column tries int unsigned not null default 0 comment 'tries of more that were refused, in a row',
  add column try_at bigint not null default 0 comment 'no more are tried before, ms',
  add column fell_at bigint not null default 0 comment 'when the permits last became fewer, ms',
  add column lent_from bigint not null default 0 comment 'writes may take the permit kept for looks from then on, ms',
  add column pace_from bigint not null default 0 comment 'start of the window in which writes are counted, ms',
  add column pace_done bigint unsigned not null default 0 comment 'writes in it',
  add column pace_before bigint unsigned null comment 'writes in the window before; null: there was a rest',
  add column refused_sign_ins int unsigned not null default 0 comment 'in a row',
  add column suspended_at bigint null comment 'our credentials are refused since then, ms; null: they are not'
