-- A poll that finds no permit is given the next one: writers that never rest would take each that comes free. A program of
-- the release before leaves the default, and competes as before.
alter table governance
  add column poll_waits_until bigint not null default 0 comment 'until then a poll waits for a permit, ms',
  algorithm = instant
