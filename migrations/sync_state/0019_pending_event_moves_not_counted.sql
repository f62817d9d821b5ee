-- Who moves events counts them, once for each transaction: a trigger counts each row.
drop trigger if exists pending_event_moved
