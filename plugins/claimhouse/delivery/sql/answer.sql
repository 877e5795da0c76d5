-- $1: a mail in doubt or failed, $2: the question, $3: the answer, $4: why, $5: who answered.
insert into delivery.answer (
    outbox_id, extract_id, question, answer, reason, answered_by, transport, sending_at
)
select
    o.outbox_id,
    o.extract_id,
    $2 as question,
    $3 as answer,
    $4 as reason,
    $5 as answered_by,
    coalesce(o.transport, 'unknown') as transport,
    coalesce(o.sending_at, now()) as sending_at
from delivery.outbox as o
where o.outbox_id = $1
returning answer_id;
