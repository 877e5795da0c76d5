-- The manifest and the issues of a warehouse that has been at work for years: {files} files, {issues} issues, {rows} rows
-- of claims. Every value follows from the number of its row; most files have few issues, some have thousands.
create function pg_temp.pick(n bigint, seed bigint, many bigint) returns bigint
language sql immutable
return abs(hashint8extended(n, seed) % many);

create temporary table feed as
select
    row_number() over () - 1 as place,
    f.*
from (
    values
    ('billing', 'claims'), ('billing', 'patients'), ('billing', 'providers'), ('billing', 'claims'),
    ('hospital', 'encounters'), ('hospital', 'patients'), ('hospital', 'procedures'),
    ('clinic', 'visits'), ('clinic', 'appointments'), ('billing_exports', 'aetna_dental')
) as f (source_system, feed);

insert into landing.file (
    file_id, checksum, size_bytes, source_system, feed, file_name, archive_path, landed_at, arrived_at, file_order,
    same_as_file_id
) overriding system value
select
    n,
    md5(n::text) || md5((-n)::text),
    1000 + pg_temp.pick(n, 1, 5000000),
    f.source_system,
    f.feed,
    format('%s_%s_%s.csv', f.feed, to_char(a.landed_at, 'YYYYMMDD'), n),
    'file:///nowhere/' || n,
    a.landed_at,
    a.landed_at - interval '1 hour',
    to_char(a.landed_at, 'YYYY-MM-DD"T"HH24:MI:SS') || lpad(n::text, 12, '0'),
    case when n % 100 = 99 then n - 10 end
from generate_series(1, {files}) as n
inner join feed as f on n % 10 = f.place
cross join lateral (
    select now() - ({files} - n) * interval '1000 days' / {files} as landed_at
) as a;

insert into landing.batch (
    batch_id, file_id, source_system, feed, received_date, state, rows_read, rows_accepted, rows_quarantined,
    rows_dropped, amounts, code_version, created_at, verified_at, checked_at, loaded_at
) overriding system value
select
    f.file_id,
    f.file_id,
    f.source_system,
    f.feed,
    f.arrived_at::date,
    s.state,
    c.accepted + c.quarantined,
    c.accepted,
    c.quarantined,
    0,
    jsonb_build_object('total_cost', jsonb_build_object(
        'read', '100.00', 'accepted', '90.00', 'quarantined', '10.00', 'dropped', '0.00', 'unreadable', 1
    )),
    'bench',
    f.landed_at,
    f.landed_at + interval '1 minute',
    f.landed_at + interval '2 minutes',
    case when s.state = 'loaded' then f.landed_at + interval '3 minutes' end
from landing.file as f
cross join lateral (
    select
        case
            when f.file_id > {files} - 5 then 'landed'
            when f.file_id % 500 = 3 then 'held'
            when f.file_id % 200 = 7 then 'rejected'
            else 'loaded'
        end as state
) as s
cross join lateral (
    select
        case when s.state in ('landed', 'rejected') then 0 else {rows} / ({files} / 5) end as accepted,
        case when s.state in ('landed', 'rejected') then 0 else pg_temp.pick(f.file_id, 2, 20) end as quarantined
) as c
where f.same_as_file_id is null;

create table source_billing.filled as
select
    b.batch_id,
    r.row_number
from landing.batch as b
cross join lateral generate_series(2, b.rows_accepted + 1) as r (row_number)
where b.source_system = 'billing' and b.feed = 'claims';

insert into source_billing.claims (
    batch_id, row_number, claim_id, patient_id, provider_id, visit_type, total_cost, coverage_type, date_of_service,
    claim_date, billed, last_modified_date
)
select
    r.batch_id,
    r.row_number,
    format('CF#%sNN', r.batch_id * 1000 + r.row_number),
    pg_temp.pick(r.row_number, 3, 1000000) || 'U',
    case when r.row_number % 50 <> 0 then 'N' || pg_temp.pick(r.row_number, 4, 50000) end,
    'routine',
    pg_temp.pick(r.batch_id + r.row_number, 5, 100000) / 100.0,
    100,
    current_date - 30,
    current_date - 10,
    true,
    current_date - 5
from source_billing.filled as r
order by r.batch_id, r.row_number;

drop table source_billing.filled;

-- Every twentieth file was uploaded.
insert into landing.upload (
    uploaded_by, uploaded_at, file_name, size_bytes, checksum, place, state, source_system, feed, landing_path
)
select
    case when f.file_id % 100 = 20 then 'bench' else 'somebody else' end,
    f.arrived_at,
    f.file_name,
    f.size_bytes,
    f.checksum,
    '_uploads/' || f.file_id,
    'processing',
    f.source_system,
    f.feed,
    f.source_system || '/' || f.file_name
from landing.file as f
where f.file_id % 20 = 0;

-- The square makes few batches have most of the issues.
insert into quality.issue (
    batch_id, source_system, feed, file_name, row_number, record_key, column_name, rule, severity, status, raw_value,
    message, created_at, closed_at, closed_by
)
select
    b.batch_id,
    b.source_system,
    b.feed,
    f.file_name,
    2 + n / 7,
    format('CF#%sNN', pg_temp.pick(n, 6, 5000000)),
    c.column_name,
    c.rule,
    c.severity,
    case when t.is_open then 'open' when n % 3 = 0 then 'waived' else 'resolved' end,
    'value ' || n % 1000,
    c.column_name || ' breaks the rule ' || c.rule || '.',
    b.created_at + interval '1 minute',
    case when not t.is_open then b.created_at + interval '1 day' end,
    case when not t.is_open then 'landing' end
from generate_series(1, {issues}) as n
cross join lateral (
    select 1 + ({files} - 1) * power(pg_temp.pick(n, 7, 1000000) / 1000000.0, 2)::numeric as place
) as p
inner join landing.batch as b on p.place::bigint = b.batch_id
inner join landing.file as f on b.file_id = f.file_id
cross join lateral (
    select pg_temp.pick(n, 8, 100) < 20 or b.created_at > now() - interval '3 days' as is_open
) as t
cross join lateral (
    select
        (array['date', 'pattern', 'enum', 'number', 'required', 'misspelling', 'lost_zeros', 'conflicting_copy'])[
            1 + pg_temp.pick(n, 9, 8)
        ] as rule,
        (array['claim_date', 'total_cost', 'patient_id', 'visit_type', 'provider_id'])[
            1 + pg_temp.pick(n, 10, 5)
        ] as column_name,
        case when pg_temp.pick(n, 11, 10) < 3 then 'error' else 'warning' end as severity
) as c
order by b.batch_id, n;

insert into quality.quarantine (batch_id, source_system, feed, row_number, record_key, raw_row)
select distinct on (i.batch_id, i.row_number)
    i.batch_id,
    i.source_system,
    i.feed,
    i.row_number,
    i.record_key,
    i.record_key || ',1U,N1,routine,x,100,2026-01-01,2026-01-02,T,2026-01-03'
from quality.issue as i
where i.severity = 'error'
order by i.batch_id, i.row_number;

insert into quality.issue (source_system, file_name, rule, severity, message)
select
    'billing',
    'unknown_' || n || '.csv',
    'unclaimed_file',
    'warning',
    'No contract matches the file''s name; it waits.'
from generate_series(1, 300) as n;

select setval(pg_get_serial_sequence('landing.file', 'file_id'), {files});
select setval(pg_get_serial_sequence('landing.batch', 'batch_id'), {files})
