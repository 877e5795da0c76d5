-- $1: a source system. Whether nobody writes its star from now on.
select change.hold($1) as hold;
