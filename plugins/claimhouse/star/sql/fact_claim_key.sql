-- sqlfluff:templater:jinja:context:wanted:true
-- The primary key of star.fact_claim: millions of keys are sorted once faster than they are put in
-- place one by one, so the first load goes without.
alter table star.fact_claim
{% if wanted %}add primary key (claim_id, source_system){% else %}drop constraint if exists fact_claim_pkey{% endif %};
