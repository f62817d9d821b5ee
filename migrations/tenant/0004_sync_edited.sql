-- Called with the columns or lists of a row that have changed, before and after; both are empty when nothing has.
-- It is one outbox row and one revision for each edit. An edit is what @sync_edit names; without it, one statement.
create procedure sync_edited (
    in_table  varchar(64) character set utf8mb4 collate utf8mb4_bin,
    in_id     bigint unsigned,
    in_before json,
    in_after  json
)
    modifies sql data
    comment 'A row or one of its lists was written; tells what changed.'
edited: begin
    declare this_edit varchar(80) character set utf8mb4 collate utf8mb4_bin;
    declare last_edit varchar(80) character set utf8mb4 collate utf8mb4_bin;
    declare last_outbox, next_revision bigint;
    declare row_sync_id varchar(200) character set utf8mb4 collate utf8mb4_bin;
    declare open_operation varchar(6) character set utf8mb4 collate utf8mb4_bin;
    declare new_values, old_values, members json;
    declare path text character set utf8mb4 collate utf8mb4_bin;
    declare at_name int default 0;
    declare continue handler for not found begin end;

    if in_before = in_after then
        leave edited;
    end if;

    -- From here to the end of the transaction nobody else edits this row or its lists.
    select edit, outbox_id, revision + 1, sync_id into last_edit, last_outbox, next_revision, row_sync_id
      from sync_rows where table_name = in_table and row_id = in_id and not is_deleted for update;
    if next_revision is null then
        leave edited;
    end if;

    set this_edit = coalesce(left(@sync_edit, 80), concat(connection_id(), '/', utc_timestamp(6)));
    if last_edit = this_edit then
        -- A row that the relay has seen stays as it was seen, whoever names the same edit again.
        select operation, changes, previous into open_operation, new_values, old_values
          from outbox_events where id = last_outbox and not is_sealed and operation <> 'delete' for update;
    end if;

    if open_operation is not null then
        -- The edit goes on: the last word about each column, and the first of what was there before. A merge
        -- patch would take a null for a removal.
        set members = json_keys(in_after);
        while at_name < json_length(members) do
            set path = concat('$.', json_extract(members, concat('$[', at_name, ']')));
            set new_values = json_set(new_values, path, json_extract(in_after, path));
            if open_operation <> 'create' then
                set old_values = json_insert(old_values, path, json_extract(in_before, path));
            end if;
            set at_name = at_name + 1;
        end while;
        update outbox_events set changes = new_values, previous = old_values where id = last_outbox;
        update sync_rows force index (primary) set call_values = new_values
         where table_name = in_table and row_id = in_id and call_id = left(@sync_call, 36);
    else
        insert into outbox_events
               (table_name, row_id, sync_id, operation, revision, changes, previous, at, actor)
        values (in_table, in_id, row_sync_id, 'update', next_revision, in_after, in_before,
                utc_timestamp(3), coalesce(left(@sync_actor, 200), user()));
        update sync_rows force index (primary)
           set revision = next_revision, edit = this_edit, outbox_id = last_insert_id(),
               call_id = coalesce(left(@sync_call, 36), call_id),
               call_values = if(@sync_call is null, call_values, in_after)
         where table_name = in_table and row_id = in_id;
    end if;
end
