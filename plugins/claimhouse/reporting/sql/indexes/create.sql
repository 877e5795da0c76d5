create index on published.{{ partition }} ({{ columns }});
