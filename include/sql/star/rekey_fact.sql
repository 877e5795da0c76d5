-- sqlfluff:templater:jinja:context:dimension:dim_provider
-- sqlfluff:templater:jinja:context:member:provider
-- sqlfluff:templater:jinja:context:table:fact_claim
-- sqlfluff:templater:jinja:context:references:["facility"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Points the rows of star.{{ table }} that exist to the state of their {{ member }} as of the
-- service, where the load changed what that state is. Members are the load's and those with a
-- state that lost its length, so that a run that was killed in between is made good.
create temp table as_of on commit drop as
with touched as (
    select {{ member }}_id from source_{{ source }}.star_{{ dimension }}
    where batch_id = any(array(select load_batch.batch_id from load_batch))
    union
    select {{ member }}_id from star.{{ dimension }}
    where source_system = '{{ source }}' and valid_from = valid_to
)

select
    known.{{ member }}_key as old_key,
    right_one.{{ member }}_key as new_key,
    {% for other in references %}right_one.{{ other }}_key,
    {% endfor %}right_one.valid_from,
    right_one.valid_to
from touched
inner join star.{{ dimension }} as known
    on touched.{{ member }}_id = known.{{ member }}_id and known.source_system = '{{ source }}'
inner join star.{{ dimension }} as right_one
    on
        known.{{ member }}_id = right_one.{{ member }}_id
        and right_one.source_system = '{{ source }}'
        and right_one.valid_from < right_one.valid_to
where {% if references %}true{% else %}known.{{ member }}_key <> right_one.{{ member }}_key{% endif %};

analyze as_of;

update star.{{ table }} as f
set
    {% for other in references %}{{ other }}_key = a.{{ other }}_key,
    {% endfor %}{{ member }}_key = a.new_key
from as_of as a
where
    f.{{ member }}_key = a.old_key
    and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') >= a.valid_from
    and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') < a.valid_to
    and (
        f.{{ member }}_key <> a.new_key{% for other in references %}
        or f.{{ other }}_key <> a.{{ other }}_key{% endfor %}
    );

drop table as_of;
