-- sqlfluff:templater:jinja:context:name:payer_alias
-- sqlfluff:templater:jinja:context:columns:["alias", "payer_name"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The table of a reference list, empty. A column that is no longer in the list stays, for views may read it.
create table if not exists reference.{{ name }} ();
{% for column in columns %}alter table reference.{{ name }} add column if not exists {{ column }} text;
{% endfor %}delete from reference.{{ name }};
