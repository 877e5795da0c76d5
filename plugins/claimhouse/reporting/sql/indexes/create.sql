-- sqlfluff:templater:jinja:context:columns:claim_id
create index on published.{{ partition }} ({{ columns }});
