-- The files that no mail waits for: sent, given up, replaced, or no longer to be sent.
select e.file_name
from delivery.extract as e
left join delivery.outbox as o on e.extract_id = o.extract_id
left join delivery.subscription as s on o.subscription_id = s.subscription_id
group by e.file_name
having
    not bool_or(
        coalesce(o.state in ('prepared', 'sending', 'in_doubt'), false)
        and s.is_active
        and o.recipient = any(s.recipients)
    );
