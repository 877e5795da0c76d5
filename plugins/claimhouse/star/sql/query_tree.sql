-- The parsed query of the view $2 in the schema $1, as the server keeps it.
select r.ev_action::text as tree
from pg_rewrite as r
where r.ev_class = to_regclass(quote_ident($1) || '.' || quote_ident($2)) and r.rulename = '_RETURN';
