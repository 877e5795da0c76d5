-- $1: a report; $2: an audience; $3: a source system; $4: what its rows follow from now. A row where that is new.
merge into published.basis as b
using (
    select
        $1::text as report,
        $2::integer as audience,
        $3::text as source_system,
        $4::text as basis
) as w on b.report = w.report and b.audience = w.audience and b.source_system = w.source_system
when matched and b.basis <> w.basis then
    update set basis = w.basis
when not matched then
    insert (report, audience, source_system, basis)
    values (w.report, w.audience, w.source_system, w.basis)
returning b.report;
