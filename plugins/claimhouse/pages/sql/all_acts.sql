-- What was decided, newest first. $1 source systems, $2 below which act, $3 how many.
select
    a.act_id,
    a.kind,
    a.source_system,
    a.acted_by,
    a.acted_at,
    a.reason,
    a.selection,
    a.batch_id,
    a.undone_at,
    a.undone_by,
    a.undone_reason,
    counted.issues,
    counted.issue_id,
    landed.batch_id as landed_as,
    landed.state as landed_state,
    landed.rows_accepted,
    landed.file_id,
    greatest(released.loaded_at, released.loading_since) > a.acted_at as is_loaded
from quality.review_act as a
cross join
    lateral (
        select
            count(*) as issues,
            min(d.issue_id) as issue_id
        from quality.acted_issue as d
        where d.act_id = a.act_id
    ) as counted
{% include "pages/sql/became.jinja" %}
where a.source_system = any($1) and a.act_id < $2
order by a.act_id desc
limit $3;
