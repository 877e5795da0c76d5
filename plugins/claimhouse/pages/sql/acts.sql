-- What was decided about an issue, its row or its batch, newest first. $1 issue, $2 batch, $3 row number.
select
    a.act_id,
    a.kind,
    a.source_system,
    a.acted_by,
    a.acted_at,
    a.reason,
    a.selection,
    a.undone_at,
    a.undone_by,
    a.undone_reason,
    (select count(*) from quality.acted_issue as d where d.act_id = a.act_id) as issues,
    landed.file_id,
    landed.batch_id as landed_as,
    landed.state as landed_state,
    landed.rows_accepted,
    greatest(released.loaded_at, released.loading_since) > a.acted_at as is_loaded
from quality.review_act as a
{% include "pages/sql/became.jinja" %}
where
    a.act_id in (
        select d.act_id from quality.acted_issue as d
        where d.issue_id = $1
        union all
        select r.act_id
        from quality.review_act as r
        where r.batch_id = $2 and (r.row_number = $3 or r.kind = 'release')
    )
order by a.act_id desc;
