{% from "macros.jinja" import reader %}
-- The 30 claims of each report that have waited longest: the top 10, 20 or 30 by position. For readers inside
-- the house alone, who look the claims up by their number; of the patient it tells nothing.
create view reporting.pended_oldest with (security_barrier) as
with ranked as (
    select
        f.*,
        f.report_date = max(f.report_date) over (partition by f.source_system) as is_newest,
        row_number() over (
            partition by f.source_system, f.report_date
            order by f.age_days desc nulls last, f.total_charge desc nulls last, f.claim_id asc
        ) as position
    from star.fact_pended_queue as f
)

select
    f.source_system,
    f.report_date,
    f.is_newest,
    f.position,
    f.claim_id,
    t.date as received_date,
    f.age_days,
    p.age_bucket,
    p.note_category,
    f.total_charge,
    v.provider_id as npi,
    v.last_name as practitioner_last_name,
    v.first_name as practitioner_first_name,
    v.provider_group,
    l.facility_id,
    a.as_of
from ranked as f
inner join {{ reader("pended_oldest", "limited") }} and r.is_internal
inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
inner join star.dim_date as t on f.received_date_key = t.date_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
left join security.data_as_of as a on f.source_system = a.source_system
where f.position <= 30;

comment on view reporting.pended_oldest is 'The oldest pended claims';
comment on column reporting.pended_oldest.source_system is 'Where the claims wait';
comment on column reporting.pended_oldest.report_date is 'The day of the report: the queue as it was then';
comment on column reporting.pended_oldest.is_newest is 'Whether this is the newest report';
comment on column reporting.pended_oldest.position is
'Its place among the claims of the report, the oldest first; of equally old ones the dearest first';
comment on column reporting.pended_oldest.claim_id is 'The number of the claim';
comment on column reporting.pended_oldest.received_date is 'The day it was received';
comment on column reporting.pended_oldest.age_days is 'Days from then to the report';
comment on column reporting.pended_oldest.age_bucket is 'The same in steps';
comment on column reporting.pended_oldest.note_category is 'Why it pends, read from its note';
comment on column reporting.pended_oldest.total_charge is 'What it asks for, in dollars';
comment on column reporting.pended_oldest.npi is 'The practitioner''s National Provider Identifier';
comment on column reporting.pended_oldest.practitioner_last_name is
'The practitioner''s last name, where the directory has one';
comment on column reporting.pended_oldest.practitioner_first_name is 'The practitioner''s first name';
comment on column reporting.pended_oldest.provider_group is 'The group the practitioner belonged to';
comment on column reporting.pended_oldest.facility_id is 'The facility''s number, where the claim behind is known';
comment on column reporting.pended_oldest.as_of is 'When the source was last loaded (UTC)';
