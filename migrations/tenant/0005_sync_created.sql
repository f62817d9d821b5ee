-- Called when a row was inserted. The sync names its canonical id in @sync_id; a second living row of that id
-- is refused (1062), and so is the insert that wanted it.
create procedure sync_created (
    in_table varchar(64) character set utf8mb4 collate utf8mb4_bin,
    in_id    bigint unsigned,
    in_after json
)
    modifies sql data
    comment 'A row was inserted; tells its values.'
begin
    declare this_edit varchar(80) character set utf8mb4 collate utf8mb4_bin;
    declare row_sync_id varchar(200) character set utf8mb4 collate utf8mb4_bin default @sync_id;

    set this_edit = coalesce(left(@sync_edit, 80), concat(connection_id(), '/', utc_timestamp(6)));

    begin
        -- The id of a deleted row was given again: its revisions go on from where they stood.
        declare exit handler for 1062
        begin
            update sync_rows force index (primary) set sync_id = row_sync_id, is_deleted = false, revision = revision + 1
             where table_name = in_table and row_id = in_id and is_deleted;
            if row_count() = 0 then
                resignal;
            end if;
        end;
        insert into sync_rows (table_name, row_id, sync_id, revision, lists)
        values (in_table, in_id, row_sync_id, 1, json_object());
    end;

    -- A merge patch leaves out what is null.
    insert into outbox_events (table_name, row_id, sync_id, operation, revision, changes, previous, at, actor)
    select in_table, in_id, row_sync_id, 'create', revision, json_merge_patch(json_object(), in_after),
           json_object(), utc_timestamp(3), coalesce(left(@sync_actor, 200), user())
      from sync_rows where table_name = in_table and row_id = in_id;
    update sync_rows force index (primary)
       set edit = this_edit, outbox_id = last_insert_id(), call_id = left(@sync_call, 36),
           call_values = if(@sync_call is null, null, json_merge_patch(json_object(), in_after))
     where table_name = in_table and row_id = in_id;
end
