-- Which providers have claims of the last N days that are covered in full? Change the last day and N below; a claim
-- belongs to the day on which it was made (claim_date).
with period as (
    select
        date '2019-11-30' as last_day,
        30 as days
)

select
    provider.provider_id,
    provider.first_name,
    provider.last_name,
    provider.specialty,
    count(*) as claims,
    sum(claim.covered_amount) as covered_amount
from star.fact_claim as claim
inner join star.dim_claim_date as claim_day on claim.claim_date_key = claim_day.claim_date_key
inner join period
    on claim_day.claim_date > period.last_day - period.days and claim_day.claim_date <= period.last_day
inner join star.dim_claim_profile as profile on claim.claim_profile_key = profile.claim_profile_key
-- one row for each provider, whatever its state on the day of service
inner join star.dim_provider as provider_then on claim.provider_key = provider_then.provider_key
inner join star.dim_provider as provider
    on
        provider_then.source_system = provider.source_system
        and provider_then.provider_id = provider.provider_id
        and provider.is_current
where profile.coverage_type = 100
group by provider.provider_key
order by claims desc, provider.provider_id asc
