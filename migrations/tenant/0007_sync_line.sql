-- Called when a line of a list was written: in_line is null when it is not in the list any more. The whole list
-- is kept in sync_rows, for reading the other lines here would wait for whoever edits one of them while he
-- waits for us.
create procedure sync_line (
    in_table   varchar(64) character set utf8mb4 collate utf8mb4_bin,
    in_id      bigint unsigned,
    in_list    varchar(64) character set utf8mb4 collate utf8mb4_bin,
    in_line_id bigint unsigned,
    in_line    json
)
    modifies sql data
    comment 'A line of a list was written; counts as an edit of the row that has the list.'
written: begin
    declare held, after_lines, old_list, new_list json;
    declare list_path, line_path text character set utf8mb4 collate utf8mb4_bin;
    declare continue handler for not found begin end;

    set list_path = concat('$.', json_quote(in_list));
    set line_path = concat('$."', in_line_id, '"');
    -- Of a row that is unknown or gone nothing is told.
    select lists into held
      from sync_rows where table_name = in_table and row_id = in_id and not is_deleted for update;
    if held is null then
        leave written;
    end if;

    set after_lines = coalesce(json_extract(held, list_path), json_object());
    -- The members of an object come in the order of their ids.
    set old_list = coalesce(json_extract(after_lines, '$.*'), json_array());
    set after_lines = if(in_line is null, json_remove(after_lines, line_path),
                         json_set(after_lines, line_path, in_line));
    set new_list = coalesce(json_extract(after_lines, '$.*'), json_array());
    update sync_rows force index (primary) set lists = json_set(held, list_path, after_lines)
     where table_name = in_table and row_id = in_id;
    call sync_edited(in_table, in_id, json_object(in_list, old_list), json_object(in_list, new_list));
end
