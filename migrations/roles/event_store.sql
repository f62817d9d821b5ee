-- Who may do what in the ledger's database. Run with that database selected; {role} is what every role's name
-- begins with. Run again it adds what is new; a right that goes is revoked here, above, by a line of its own.
--
-- Nobody has UPDATE, DELETE, DROP (which TRUNCATE needs), ALTER, CREATE, TRIGGER or GRANT OPTION. The tables
-- belong to the account that migrates.

-- merge: takes events, reads them to absorb them, looks for gaps.
create role if not exists '{role}merge';
grant select, insert on event_store to '{role}merge';
grant select on schema_migration to '{role}merge';

-- ns-writer, sx-writer: what a target said is an event.
create role if not exists '{role}ns-writer';
grant select, insert on event_store to '{role}ns-writer';
grant select on schema_migration to '{role}ns-writer';
create role if not exists '{role}sx-writer';
grant select, insert on event_store to '{role}sx-writer';
grant select on schema_migration to '{role}sx-writer';

-- dlq: takes events once more; reads those that are tried again.
create role if not exists '{role}dlq';
grant select, insert on event_store to '{role}dlq';
grant select on schema_migration to '{role}dlq';

-- review: shows events; reads those that are tried again.
create role if not exists '{role}review';
grant select on event_store to '{role}review';
grant select on schema_migration to '{role}review';

-- reconcile: replays.
create role if not exists '{role}reconcile';
grant select on event_store to '{role}reconcile';
grant select on schema_migration to '{role}reconcile';

-- ingest, poller and outbox publish to the bus, and come nowhere near.

-- migrate: changes the schema, and nothing in the ledger: it may not read an event. CREATE on the book
-- has it granted while it is not there yet: this role is made before the first migration.
create role if not exists '{role}migrate';
grant create, alter, drop, index, references, trigger, create view on * to '{role}migrate';
grant create, select, insert, update on schema_migration to '{role}migrate'
