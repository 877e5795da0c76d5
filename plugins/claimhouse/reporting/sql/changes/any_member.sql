select m.member_key
from changed_{{ table }} as m
fetch first row only;
