-- The audit of one thing, and of one person. Both may be long: they are found by a hash, and compared.
alter table event_audit_log
  add column subject_key binary(16) generated always as (unhex(md5(subject))) virtual not null,
  add column actor_key binary(16) generated always as (unhex(md5(actor))) virtual not null,
  add key of_subject (account_id, subject_key, id),
  add key of_actor (account_id, actor_key, id)
