-- Whether what is counted now differs from the previous version.
with previous as (
    select u.*
    from counts.{{ name }}_unsuppressed as u
    where (u.client, u.source_system) in (
        select
            r.client,
            r.source_system
        from pg_temp.counting_reader as r
    )
)

select exists (
    select {{ columns | join(", ") }}, is_closed from counted
    except
    select {{ columns | join(", ") }}, is_closed from previous
) or exists (
    select {{ columns | join(", ") }}, is_closed from previous
    except
    select {{ columns | join(", ") }}, is_closed from counted
) as has_changed;
