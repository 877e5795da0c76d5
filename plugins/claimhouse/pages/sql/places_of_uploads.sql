-- Where files wait: they are not cleared away.
select u.place
from landing.upload as u
where u.state <> 'taken_back' and (u.state = 'waiting' or u.run_id is null);
