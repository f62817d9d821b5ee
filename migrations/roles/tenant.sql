-- Who of us may do what in a SuiteX tenant's database. Run with that database selected; {role} is what every
-- role's name begins with. The business tables and their lists, which sync.toml names, come on top for the
-- SuiteX writer: SELECT, INSERT, UPDATE and DELETE on each, one by one.

-- sx-writer: applies changes, and tells SuiteX; what it is answered itself it takes out of the outbox again. It writes
-- nothing in sync_rows, but MySQL lets nobody lock a row (SELECT … FOR UPDATE) who may write none of its columns.
create role if not exists '{role}sx-writer';
grant select, update (edit) on sync_rows to '{role}sx-writer';
grant select (id), delete on outbox_events to '{role}sx-writer';
grant select, insert on synced_events to '{role}sx-writer';
grant select, insert, update on sync_turns to '{role}sx-writer';
grant select on schema_migration to '{role}sx-writer';
grant select on sync_surface to '{role}sx-writer';

-- outbox: reads what people did, seals it, and takes it away once the bus has it.
create role if not exists '{role}outbox';
grant select, update, delete on outbox_events to '{role}outbox';
grant select on schema_migration to '{role}outbox';
grant select on sync_surface to '{role}outbox';

-- migrate: adds our tables, procedures and triggers to theirs. The triggers run with its rights. It locks a business
-- table while its triggers are exchanged, and reads the rows that are there already. CREATE on single tables
-- has the others granted while they are not there yet: this role is made before the first migration.
create role if not exists '{role}migrate';
grant select, lock tables on * to '{role}migrate';
grant create, alter, drop, index, references, trigger, create routine, alter routine, execute on * to '{role}migrate';
grant create, select, insert, update, delete on sync_rows to '{role}migrate';
grant create, select, insert, update, delete on outbox_events to '{role}migrate';
grant create, select, insert, update on sync_surface to '{role}migrate';
grant create, select, insert, update on schema_migration to '{role}migrate'
