-- noqa: disable=LT02 (the linter wants the condition of the conflict deeper than it is)
-- $1: a report; $2: an audience; $3: a source system; $4: what its rows follow from now. A row where that is new.
insert into published.basis as b (report, audience, source_system, basis)
values ($1, $2, $3, $4)
on conflict (report, audience, source_system) do update
    set basis = excluded.basis
where b.basis <> excluded.basis
returning b.report;
