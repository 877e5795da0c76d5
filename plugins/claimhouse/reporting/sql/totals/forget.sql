-- $1: a source system; $2: its reports and audiences that are published, as a JSON list. The totals of others.
delete from published.control_total as t
where
    t.source_system = $1
    and (t.report, t.audience) not in (
        select
            p.report,
            p.audience
        from jsonb_to_recordset($2::jsonb) as p (report text, audience integer)
    );
