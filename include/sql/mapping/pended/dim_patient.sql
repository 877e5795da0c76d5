-- The beneficiaries: a version for each yearly summary, which holds from the first day of its year.
select
    'pended' as source_system,
    beneficiary.desynpuf_id as patient_id,
    beneficiary.bene_birth_dt as birth_date,
    beneficiary.bene_death_dt as death_date,
    case beneficiary.bene_sex_ident_cd when '1' then 'M' when '2' then 'F' end as gender,
    case beneficiary.bene_race_cd when '1' then 'white' when '2' then 'black' when '3' then 'other' end as race,
    case beneficiary.bene_race_cd when '5' then 'hispanic' end as ethnicity,
    ssa_state.state,
    -- a code within the state; there is no list of names
    beneficiary.bene_county_cd as county,
    make_date(beneficiary.year, 12, 31) as version_at,
    make_date(beneficiary.year, 1, 1) as started_on,
    make_date(beneficiary.year, 1, 1) as modified_on,
    beneficiary.batch_id,
    beneficiary.row_number
from source_pended.beneficiaries as beneficiary
left join reference.ssa_state on beneficiary.sp_state_code = ssa_state.code
