-- The table says who writes it.
alter table event_census
  comment = 'Written by whoever adds or moves pending events, in that transaction; read by review, notify and the checks. At most 6 x 64 rows per account.',
  algorithm = inplace, lock = none
