-- The columns of a report, and no row.
select t.*
from reporting.{{ relation }} as t
where false
