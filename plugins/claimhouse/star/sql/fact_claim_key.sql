-- sqlfluff:templater:jinja:context:wanted:true
-- The primary key of star.fact_claim. The first load does without: sorting millions of keys once is faster than
-- inserting them one by one.
alter table star.fact_claim
{% if wanted %}add primary key (claim_id, source_system){% else %}drop constraint if exists fact_claim_pkey{% endif %};
