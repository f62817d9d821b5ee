-- An event that moves is counted out of one place and into the other.
create trigger pending_event_moved after update on pending_event for each row
  if old.place <> new.place then
    insert into event_census (account_id, place, shard, events)
    values (old.account_id, old.place, connection_id() mod 64, -1), (new.account_id, new.place, connection_id() mod 64, 1)
      as moved
    on duplicate key update events = event_census.events + moved.events;
  end if
