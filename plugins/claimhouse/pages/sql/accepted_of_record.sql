-- noqa: disable=LT02,LT03,LT05
-- sqlfluff:templater:jinja:context:record_key:claim_id
-- sqlfluff:templater:jinja:context:key:["claim_id"]
-- sqlfluff:templater:jinja:context:types:{"claim_id": "text"}
-- Accepted rows of a record, the newest first. $1 record key, then its parts.
select
    t.batch_id,
    t.row_number,
    f.file_name,
    b.received_date,
    b.state,
    to_jsonb(t) - 'batch_id' - 'row_number' as fields
from {{ schema }}.{{ feed }} as t
inner join landing.batch as b on t.batch_id = b.batch_id
inner join landing.file as f on b.file_id = f.file_id
where
    {% for name in key %}
    t.{{ name }} = ${{ loop.index + 1 }}::text::{{ types[name] }} and
    {% endfor %}
    {{ record_key }} = $1
order by f.file_order desc, t.batch_id desc, t.row_number desc
limit 10;
