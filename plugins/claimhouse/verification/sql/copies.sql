-- sqlfluff:templater:jinja:context:record_key:claim_id
-- sqlfluff:templater:jinja:context:sheet_rows:10000000
-- Set aside the rows of one batch that repeat a key. The newest version is kept, of equally new ones
-- the last in the file. Only rows in suspect_row can be among them.
create temp table copy_of_record on commit drop as
with
suspect as (
    select {{ feed }}.*
    from {{ schema }}.{{ feed }}
    inner join suspect_row using (row_number)
    where {{ feed }}.batch_id = {{ batch_id }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by {{ key | join(', ') }}
            order by {% if version_column %}{{ version_column }} desc nulls last, {% endif %}row_number desc
        ) as place,
        row_number() over (
            partition by {{ key | join(', ') }}, md5(row({{ columns | map(attribute='name') | join(', ') }})::text)
            order by row_number desc
        ) as copy,
        first_value(row_number) over (
            partition by {{ key | join(', ') }}
            order by {% if version_column %}{{ version_column }} desc nulls last, {% endif %}row_number desc
        ) as kept_row
    from suspect
)

select
    row_number,
    kept_row,
    {{ record_key }} as record_key,
    copy > 1 as is_identical
    {%- for column in amounts %}
        ,
        {{ column.name }}{% endfor %}
from ranked
where place > 1;

delete from {{ schema }}.{{ feed }}
using copy_of_record
where {{ feed }}.batch_id = {{ batch_id }} and {{ feed }}.row_number = copy_of_record.row_number;

insert into quality.issue (
    batch_id, source_system, feed, file_name, sheet_name, row_number, record_key, column_name, rule, severity, message
)
select
    batch.batch_id,
    batch.source_system,
    batch.feed,
    file.file_name,
    sheet.sheet_name,
    copy.row_number,
    copy.record_key,
    '{{ key | join('|') }}' as column_name,
    case when copy.is_identical then 'identical_copy' else 'conflicting_copy' end as rule,
    case when copy.is_identical then 'warning' else 'error' end as severity,
    case
        when copy.is_identical then 'The row is identical to another row of the same record; this copy is dropped.'
        else
            'The record occurs more than once in the file, with different values; '
            || case
                when kept_sheet.sheet_name is null then 'line ' || copy.kept_row
                else 'row ' || copy.kept_row % {{ sheet_rows }} || ' of the sheet ' || kept_sheet.sheet_name
            end
            || ' is kept and this one is quarantined.'
    end as message
from copy_of_record as copy
inner join landing.batch on batch.batch_id = {{ batch_id }}
inner join landing.file on batch.file_id = file.file_id
left join batch_sheet as sheet on copy.row_number / {{ sheet_rows }} * {{ sheet_rows }} = sheet.first_row
left join batch_sheet as kept_sheet
    on copy.kept_row / {{ sheet_rows }} * {{ sheet_rows }} = kept_sheet.first_row
order by copy.row_number;
