-- Called when a row was deleted. An edit that emptied its lists first was one deletion.
create procedure sync_deleted (
    in_table varchar(64) character set utf8mb4 collate utf8mb4_bin,
    in_id    bigint unsigned
)
    modifies sql data
    comment 'A row was deleted; leaves a tombstone.'
deleted: begin
    declare this_edit varchar(80) character set utf8mb4 collate utf8mb4_bin;
    declare last_edit varchar(80) character set utf8mb4 collate utf8mb4_bin;
    declare last_outbox, next_revision bigint;
    declare row_sync_id varchar(200) character set utf8mb4 collate utf8mb4_bin;
    declare continue handler for not found begin end;

    select edit, outbox_id, revision + 1, sync_id into last_edit, last_outbox, next_revision, row_sync_id
      from sync_rows where table_name = in_table and row_id = in_id and not is_deleted for update;
    if next_revision is null then
        leave deleted;
    end if;

    set this_edit = coalesce(left(@sync_edit, 80), concat(connection_id(), '/', utc_timestamp(6)));
    if last_edit = this_edit then
        update outbox_events set operation = 'delete', changes = json_object(), previous = json_object()
         where id = last_outbox and not is_sealed and operation = 'update';
        if row_count() > 0 then
            update sync_rows force index (primary) set is_deleted = true, lists = json_object()
             where table_name = in_table and row_id = in_id;
            leave deleted;
        end if;
    end if;

    insert into outbox_events (table_name, row_id, sync_id, operation, revision, changes, previous, at, actor)
    values (in_table, in_id, row_sync_id, 'delete', next_revision, json_object(), json_object(),
            utc_timestamp(3), coalesce(left(@sync_actor, 200), user()));
    update sync_rows force index (primary) set is_deleted = true, revision = next_revision, lists = json_object(), edit = this_edit,
                         outbox_id = last_insert_id()
     where table_name = in_table and row_id = in_id;
end
