-- The ledger only grows, whoever asks.
create trigger event_store_no_update before update on event_store for each row
  signal sqlstate '45000' set message_text = 'event_store is append-only: no row is changed'
