{% from "macros.jinja" import hmac %}
-- Everything ever sent: about the patient $1 (source system) $2 (id), to the client $3, from $4 to
-- before $5; null for any. Each client knows a patient by another pseudonym.
select
    l.disclosed_at,
    l.state,
    l.client,
    l.recipient,
    l.report,
    l.period,
    l.format,
    l.transport,
    l.privacy_level,
    l.reason,
    l.column_names,
    l.row_count,
    e.as_of,
    e.editions,
    l.file_name,
    l.checksum,
    l.answered_by,
    l.answer_reason
from delivery.ledger as l
inner join delivery.extract as e on l.extract_id = e.extract_id
where
    ($3::text is null or l.client = $3)
    and ($4::timestamptz is null or l.disclosed_at >= $4)
    and ($5::timestamptz is null or l.disclosed_at < $5)
    and (
        $1::text is null
        or exists (
            select
            from security.pseudonym_key as r
            inner join delivery.extract_patient as p
                on
                    p.patient_pseudonym
                    = {{ hmac("r.inner_key", "r.outer_key", "'patient'", "$1::text", "$2::text") }}::uuid
                    and p.extract_id = l.extract_id
            where r.client = l.client
        )
    )
order by l.disclosed_at, l.client, l.recipient;
