-- $1: a source system. The encounters in which something restricted was done.
insert into publication_restricted (encounter_id, specialty)
select
    h.encounter_id,
    h.specialty
from security.restricted_encounter as h
where h.source_system = $1;
