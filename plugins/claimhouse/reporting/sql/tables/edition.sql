-- The partition of an audience in published.edition.
do $$
begin
    if to_regclass('published.edition_{{ number }}') is null then
        create table published.edition_{{ number }} (like published.edition including all);
        alter table published.edition attach partition published.edition_{{ number }} for values in ({{ number }});
    end if;
end
$$;
