-- Batches held by a failed check, and why.
create or replace view quality.held_batches as
select
    b.source_system,
    b.feed,
    b.batch_id,
    f.file_name,
    b.received_date,
    b.checked_at as held_since,
    b.rows_read,
    b.rows_accepted,
    b.rows_quarantined,
    array_agg(i.rule order by i.rule) filter (where i.rule is not null) as failed_checks,
    string_agg(i.message, '; ' order by i.rule) as why
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
left join quality.issue as i
    on b.batch_id = i.batch_id and i.status = 'open' and i.severity = 'error' and i.rule like 'soda:%'
where b.state = 'held'
group by b.batch_id, f.file_id
order by b.batch_id;

comment on view quality.held_batches is
'Batches that failed a check and stay out of the star until released: claimhouse review release';
comment on column quality.held_batches.held_since is 'When the batch was last checked';
comment on column quality.held_batches.failed_checks is 'The checks that hold the batch';
comment on column quality.held_batches.why is 'Their messages';
