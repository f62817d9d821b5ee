-- The audit of one thing, and of one person. Both may be long: they are found by a checksum, and compared.
alter table event_audit_log
  add column subject_key int unsigned generated always as (crc32(subject)) virtual not null,
  add column actor_key int unsigned generated always as (crc32(actor)) virtual not null,
  add key of_subject (account_id, subject_key, id),
  add key of_actor (account_id, actor_key, id)
