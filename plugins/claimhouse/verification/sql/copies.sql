-- sqlfluff:templater:jinja:context:record_key:claim_id
-- sqlfluff:templater:jinja:context:sheet_rows:10000000
-- noqa: disable=LT01,LT02,LT05,LT06,LT12
-- Set aside the rows of one batch that repeat a key. The newest version is kept, of equally new ones the last in
-- the file. A reversal that the contract does not declare is never kept, and of equally new rows one that it takes
-- back only where there is no other. Only rows in suspect_row can be among them.
-- A name that ends in __ is no column of a feed.
{% macro of_one_key() %}partition by s.{{ key | join(', s.') }}{% endmacro %}
{% macro newest_first() %}
order by
    s.reversed_columns__ <> '',
    {% if version_column %}s.{{ version_column }} desc nulls last, {% endif %}
    s.is_taken_back__,
    s.row_number desc
{% endmacro %}
create temp table copy_of_record on commit drop as
with
read as (
    select
        s.*,
        concat_ws(
            '|', null
            {%- for column in amounts %},
            case when s.{{ column.name }} < 0 and max(s.{{ column.name }}) over of_key > 0 then '{{ column.name }}' end
            {%- endfor %}
        ) as reversed_columns__
    from {{ schema }}.{{ feed }} as s
    inner join suspect_row using (row_number)
    where s.batch_id = {{ batch_id }}
    window of_key as (partition by s.{{ key | join(', s.') }})
),

suspect as (
    select
        s.*,
        exists (
            select from read as r
            where
                s.reversed_columns__ = ''
                and r.reversed_columns__ <> ''
                and (r.{{ key | join(', r.') }}) = (s.{{ key | join(', s.') }})
                {%- for column in amounts %}
                and abs(r.{{ column.name }}) is not distinct from abs(s.{{ column.name }})
                {%- endfor %}
        ) as is_taken_back__
    from read as s
),

ranked as (
    select
        s.*,
        row_number() over ({{ of_one_key() }} {{ newest_first() }}) as place__,
        row_number() over (
            {{ of_one_key() }}, md5(row(s.{{ columns | map(attribute='name') | join(', s.') }})::text)
            order by s.row_number desc
        ) as copy__,
        first_value(s.row_number) over ({{ of_one_key() }} {{ newest_first() }}) as kept_row__
    from suspect as s
)

select
    row_number,
    kept_row__ as kept_row,
    {{ record_key }} as record_key,
    {% if version_column %}{{ version_column }}::text{% else %}null::text{% endif %} as record_version,
    copy__ > 1 as is_identical,
    reversed_columns__ as reversed_columns
    {%- for column in amounts %},
    {{ column.name }}{% endfor %}
from ranked
where place__ > 1;

delete from {{ schema }}.{{ feed }}
using copy_of_record
where {{ feed }}.batch_id = {{ batch_id }} and {{ feed }}.row_number = copy_of_record.row_number;

insert into quality.issue (
    batch_id, source_system, feed, file_name, sheet_name, row_number, record_key, record_version, column_name, rule,
    severity, message
)
select
    batch.batch_id,
    batch.source_system,
    batch.feed,
    file.file_name,
    sheet.sheet_name,
    copy.row_number,
    copy.record_key,
    copy.record_version,
    case copy.reversed_columns when '' then '{{ key | join('|') }}' else copy.reversed_columns end as column_name,
    case
        when copy.is_identical then 'identical_copy'
        when copy.reversed_columns <> '' then 'undeclared_reversal'
        else 'conflicting_copy'
    end as rule,
    case when copy.is_identical then 'warning' else 'error' end as severity,
    case
        when copy.is_identical then 'The row is identical to another row of the same record; this copy is dropped.'
        when copy.reversed_columns <> '' then {% include "verification/sql/reversal_message.jinja" %}
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
