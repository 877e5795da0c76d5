-- Whether values of the type $1 become values of the type $2 by themselves.
select c.castsource
from pg_cast as c
where c.castsource = $1::regtype and c.casttarget = $2::regtype and c.castcontext = 'i';
