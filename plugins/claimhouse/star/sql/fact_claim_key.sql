-- sqlfluff:templater:jinja:context:wanted:true
-- sqlfluff:indentation:template_blocks_indent:false
-- The primary key and the indexes of star.fact_claim. The first load does without: sorting millions of keys once is
-- faster than inserting them one by one.
{% if wanted %}
alter table star.fact_claim add primary key (claim_id, source_system);
create index if not exists fact_claim_patient on star.fact_claim (patient_key);
create index if not exists fact_claim_provider on star.fact_claim (provider_key);
{% else %}
alter table star.fact_claim drop constraint if exists fact_claim_pkey;
drop index if exists star.fact_claim_patient, star.fact_claim_provider;
{% endif %}
