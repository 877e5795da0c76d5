-- The state of each source system that this publication shows to readers.
merge into delivery.published as p
using security.data_as_of as a on p.source_system = a.source_system
when matched then update set as_of = a.as_of
when not matched then insert (source_system, as_of) values (a.source_system, a.as_of);
