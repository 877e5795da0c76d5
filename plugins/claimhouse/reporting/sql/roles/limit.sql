-- sqlfluff:templater:jinja:context:database:warehouse
-- sqlfluff:templater:jinja:context:connections:5
-- noqa: disable=LT02
-- sqlfluff:templater:jinja:context:settings:{"work_mem": "64MB"}
-- Store the settings of a reader's role and its number of connections, and no other settings. Roles belong to the
-- server: see role.sql.
do $$
begin
    for attempt in 1..5 loop
        begin
            alter role {{ role }} in database "{{ database }}" reset all;
            alter role {{ role }} reset all;
            {% for name, value in settings.items() -%}
                alter role {{ role }} set {{ name }} = '{{ value }}';
            {% endfor -%}
            alter role {{ role }} connection limit {{ connections }};
            return;
        -- "tuple concurrently updated"
        exception when internal_error then
            if attempt = 5 then
                raise;
            end if;
        end;
    end loop;
end
$$;
