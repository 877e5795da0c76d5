-- The objects whose links have all expired. $1: the present. A prepared mail may use the object again.
select
    e.extract_id,
    e.object_key
from delivery.extract as e
where
    e.links_expire_at < $1
    and not exists (
        select from delivery.outbox as o
        where o.extract_id = e.extract_id and o.state = 'prepared'
    );
