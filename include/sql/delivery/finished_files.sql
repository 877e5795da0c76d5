-- The files that no mail waits for: sent, refused for good, or no longer to be sent.
select o.file_name
from delivery.outbox as o
inner join delivery.subscription as s on o.subscription_id = s.subscription_id
group by o.file_name
having
    not bool_or(
        o.state in ('prepared', 'sending') and s.is_active and o.recipient = any(s.recipients)
    );
