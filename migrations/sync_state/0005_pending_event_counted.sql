-- A new event is counted where it begins. Rows that are cleared away later stay counted: the numbers add up to the
-- ledger's, from which nothing goes.
create trigger pending_event_counted after insert on pending_event for each row
  insert into event_census (account_id, place, shard, events)
  values (new.account_id, new.place, connection_id() mod 64, 1)
  on duplicate key update events = events + 1
