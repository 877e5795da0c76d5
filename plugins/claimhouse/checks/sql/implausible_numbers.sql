-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:numbers:["count(*) filter (where t__.total_cost < 0)"]
-- noqa: disable=LT02,LT05,LT01,LT12 (the list is laid out as written, not as rendered)
-- What the rules of include/plausibility.yaml measure in one batch, all in one scan.
select
    {% for number in numbers %}{{ number }} as number_{{ loop.index }}{{ "," if not loop.last }}
    {% endfor %}
from source_{{ source }}.{{ feed }} as t__
where t__.batch_id = {{ batch_id }}
