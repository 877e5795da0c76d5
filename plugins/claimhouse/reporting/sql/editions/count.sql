select count(*) as changed
from changed;
