-- sqlfluff:templater:jinja:context:record_key:claim_id
-- sqlfluff:templater:jinja:context:sheet_rows:10000000
-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- Warn of rows of one batch that are identical to another of its file: in a feed of transactions each is loaded.
insert into quality.issue (
    batch_id, source_system, feed, file_name, sheet_name, row_number, record_key, column_name, rule, severity, message
)
select
    batch.batch_id,
    batch.source_system,
    batch.feed,
    file.file_name,
    sheet.sheet_name,
    alike.row_number,
    alike.record_key,
    '{{ key | join('|') }}' as column_name,
    'identical_transaction' as rule,
    'warning' as severity,
    'The row is identical to '
    || case
        when first_sheet.sheet_name is null then 'line ' || alike.first_row
        else 'row ' || alike.first_row % {{ sheet_rows }} || ' of the sheet ' || first_sheet.sheet_name
    end
    || '. Both are loaded and add up; ask the sender whether the transaction took place twice.' as message
from (
    select
        t.row_number,
        {{ record_key }} as record_key,
        min(t.row_number) over (
            partition by {{ key | join(', ') }}, md5(row(t.{{ columns | map(attribute='name') | join(', t.') }})::text)
        ) as first_row
    from {{ schema }}.{{ feed }} as t
    inner join suspect_row using (row_number)
    where t.batch_id = {{ batch_id }}
) as alike
inner join landing.batch on batch.batch_id = {{ batch_id }}
inner join landing.file on batch.file_id = file.file_id
left join batch_sheet as sheet on alike.row_number / {{ sheet_rows }} * {{ sheet_rows }} = sheet.first_row
left join batch_sheet as first_sheet
    on alike.first_row / {{ sheet_rows }} * {{ sheet_rows }} = first_sheet.first_row
where alike.row_number > alike.first_row
order by alike.row_number;
