-- $1: a subscription whose dashboard may be mailed again.
delete from delivery.notice
where subscription_id = $1 and kind = 'not mailed';
