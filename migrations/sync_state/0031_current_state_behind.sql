-- Since when a record's work is not done: each attempt in vain moves when it is due next. What is there already is told
-- when it is next written.
alter table current_state
  add column netsuite_due_since bigint null comment 'its work for NetSuite is not done since then, tried or not, ms',
  add column suitex_due_since bigint null comment 'the same for SuiteX',
  algorithm = instant
