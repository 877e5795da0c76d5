-- $1: a subscription, $2: a period whose extract waits for its data, $3: why.
insert into delivery.notice (subscription_id, period, kind, problem)
values ($1, $2, 'withheld', $3)
on conflict (subscription_id, period, kind) do update set problem = excluded.problem;
