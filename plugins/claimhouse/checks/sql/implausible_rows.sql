-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:record_key:concat_ws('|', claim_id)
-- sqlfluff:templater:jinja:context:shown:["claim_date"]
-- sqlfluff:templater:jinja:context:is_counted:true
-- sqlfluff:templater:jinja:context:values:[{"column": "total_cost", "condition": "t__.total_cost < 0"}]
-- Values of one batch that are wrong by a rule of include/plausibility.yaml, and of how many they are.
-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
select
    t__.row_number,
    {{ record_key }} as record_key,
    {% for column in shown %}t__.{{ column }},
    {% endfor %}v__.column__ as column_name,
    v__.value__ as value,
    {% if is_counted %}count(*) over () as failing_rows,
    {% endif %}(
        select {% for value in values %}count(o__.{{ value.column }}){{ " + " if not loop.last }}{% endfor %}
        from source_{{ source }}.{{ feed }} as o__
        where o__.batch_id = {{ batch_id }}
    ) as of_rows
from source_{{ source }}.{{ feed }} as t__
cross join lateral (
    values
    {% for value in values %}('{{ value.column }}', t__.{{ value.column }}::text, {{ value.condition }}){{ "," if not loop.last }}
    {% endfor %}
) as v__ (column__, value__, is_wrong__)
where t__.batch_id = {{ batch_id }} and v__.is_wrong__
order by t__.row_number
limit 100
