-- The ledger only grows, whoever asks. TRUNCATE passes triggers by: nobody but migrate has DROP.
create trigger event_store_no_delete before delete on event_store for each row
  signal sqlstate '45000' set message_text = 'event_store is append-only: no row is removed'
