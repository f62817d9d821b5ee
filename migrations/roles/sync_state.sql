-- Who may do what in the state's database. Run with that database selected; {role} is what every role's name
-- begins with. Run again it adds what is new; a right that goes is revoked here, above, by a line of its own.
--
-- Nobody has DROP (which TRUNCATE needs), ALTER, CREATE, TRIGGER or GRANT OPTION, and nobody removes anything but
-- calls that have ended.

-- merge: the pending list, decisions.
create role if not exists '{role}merge';
grant select, insert, update on current_state to '{role}merge';
grant select, insert on state_history to '{role}merge';
grant select, insert, update on pending_event to '{role}merge';
grant select, insert, update on event_census to '{role}merge';
grant select, insert, update on record_link to '{role}merge';
grant select, insert, update on conflicts to '{role}merge';
grant select, insert, update on conflict_field to '{role}merge';
grant select, insert, update on sync_error_queue to '{role}merge';
grant select, insert, update on ambiguous_record to '{role}merge';
grant insert on event_audit_log to '{role}merge';
grant select, insert, update on notification to '{role}merge';
grant select, insert, update on sync_watermark to '{role}merge';
grant select on schema_migration to '{role}merge';

-- ns-writer: due records, permits, what became of a write.
create role if not exists '{role}ns-writer';
grant select, insert, update on current_state to '{role}ns-writer';
grant select, insert on state_history to '{role}ns-writer';
grant select, insert, update on pending_event to '{role}ns-writer';
grant select, insert, update on event_census to '{role}ns-writer';
grant select, insert, update on record_link to '{role}ns-writer';
grant select, insert, update on conflicts to '{role}ns-writer';
grant select, insert, update on conflict_field to '{role}ns-writer';
grant select, insert, update on sync_error_queue to '{role}ns-writer';
grant select, insert, update on ambiguous_record to '{role}ns-writer';
grant insert on event_audit_log to '{role}ns-writer';
grant select, insert, update on notification to '{role}ns-writer';
grant select, insert, update on governance to '{role}ns-writer';
grant select, insert, update, delete on open_call to '{role}ns-writer';
grant select on account_hold to '{role}ns-writer';
grant select on schema_migration to '{role}ns-writer';

-- sx-writer: the same, without permits: they are NetSuite's.
create role if not exists '{role}sx-writer';
grant select, insert, update on current_state to '{role}sx-writer';
grant select, insert on state_history to '{role}sx-writer';
grant select, insert, update on pending_event to '{role}sx-writer';
grant select, insert, update on event_census to '{role}sx-writer';
grant select, insert, update on record_link to '{role}sx-writer';
grant select, insert, update on conflicts to '{role}sx-writer';
grant select, insert, update on conflict_field to '{role}sx-writer';
grant select, insert, update on sync_error_queue to '{role}sx-writer';
grant select, insert, update on ambiguous_record to '{role}sx-writer';
grant insert on event_audit_log to '{role}sx-writer';
grant select, insert, update on notification to '{role}sx-writer';
grant select on account_hold to '{role}sx-writer';
grant select on schema_migration to '{role}sx-writer';

-- dlq: takes events once more, files errors and locks their record, has errors tried again.
create role if not exists '{role}dlq';
grant select, insert, update on current_state to '{role}dlq';
grant select, insert on state_history to '{role}dlq';
grant select, insert, update on pending_event to '{role}dlq';
grant select, insert, update on event_census to '{role}dlq';
grant select, insert, update on record_link to '{role}dlq';
grant select, insert, update on conflicts to '{role}dlq';
grant select, insert, update on conflict_field to '{role}dlq';
grant select, insert, update on sync_error_queue to '{role}dlq';
grant insert on event_audit_log to '{role}dlq';
grant select, insert, update on notification to '{role}dlq';
grant select on schema_migration to '{role}dlq';

-- review: shows everything; has errors tried again, which unlocks a record and puts its events on the list; asks NetSuite
-- who set a value, under a permit.
create role if not exists '{role}review';
grant select, insert, update on current_state to '{role}review';
grant select, insert on state_history to '{role}review';
grant select, insert, update on pending_event to '{role}review';
grant select, insert, update on event_census to '{role}review';
grant select, insert, update on record_link to '{role}review';
grant select, insert, update on conflicts to '{role}review';
grant select, insert, update on conflict_field to '{role}review';
grant select, insert, update on sync_error_queue to '{role}review';
grant select on ambiguous_record to '{role}review';
grant select, insert on event_audit_log to '{role}review';
grant select, insert, update on notification to '{role}review';
grant select on notice_delivery to '{role}review';
grant select on notice_delivery_item to '{role}review';
grant select, insert, update on governance to '{role}review';
grant select, insert, update, delete on open_call to '{role}review';
grant select, insert, update on account_hold to '{role}review';
grant select on schema_migration to '{role}review';

-- notify: watches, tells people, and stops what is to stop when nobody decides.
create role if not exists '{role}notify';
grant select, insert, update on current_state to '{role}notify';
grant select, insert on state_history to '{role}notify';
grant select, insert, update on pending_event to '{role}notify';
grant select, insert, update on record_link to '{role}notify';
grant select, insert, update on conflicts to '{role}notify';
grant select, insert, update on sync_error_queue to '{role}notify';
grant insert on event_audit_log to '{role}notify';
grant select, insert, update on notification to '{role}notify';
grant select, insert, update on notice_delivery to '{role}notify';
grant select, insert, update on notice_delivery_item to '{role}notify';
grant select, insert, update on notice_watch to '{role}notify';
grant select, insert, update on event_census to '{role}notify';
grant select, insert, update on conflict_field to '{role}notify';
grant select, insert, update on account_hold to '{role}notify';
grant select on ambiguous_record to '{role}notify';
grant select on governance to '{role}notify';
grant select on open_call to '{role}notify';
grant select on schema_migration to '{role}notify';

-- poller: compares what NetSuite tells with what is known of it, under a permit, and notes how far it has come.
create role if not exists '{role}poller';
grant select on current_state to '{role}poller';
grant select on record_link to '{role}poller';
grant select, insert, update on poll_cursor to '{role}poller';
grant select, insert, update on sync_error_queue to '{role}poller';
grant insert on event_audit_log to '{role}poller';
grant select, insert, update on notification to '{role}poller';
grant select, insert, update on governance to '{role}poller';
grant select, insert, update, delete on open_call to '{role}poller';
grant select on schema_migration to '{role}poller';

-- reconcile: the same, with what led to it.
create role if not exists '{role}reconcile';
grant select on current_state to '{role}reconcile';
grant select on state_history to '{role}reconcile';
grant select on pending_event to '{role}reconcile';
grant select on event_census to '{role}reconcile';
grant select on record_link to '{role}reconcile';
grant select, insert, update on sync_watermark to '{role}reconcile';
grant select, insert, update on governance to '{role}reconcile';
grant select, insert, update, delete on open_call to '{role}reconcile';
grant select on schema_migration to '{role}reconcile';

-- ingest and outbox publish to the bus, and come nowhere near.

-- migrate: changes the schema, and writes its own book; nothing else that is data. CREATE on the book
-- has it granted while it is not there yet: this role is made before the first migration.
create role if not exists '{role}migrate';
grant create, alter, drop, index, references, trigger, create view on * to '{role}migrate';
grant create, select, insert, update on schema_migration to '{role}migrate'
