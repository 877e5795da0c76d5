-- Whether what is counted now differs from the previous version.
select exists (
    select {{ columns | join(", ") }}, is_closed from counted
    except
    select {{ columns | join(", ") }}, is_closed from counts.{{ name }}_unsuppressed
) or exists (
    select {{ columns | join(", ") }}, is_closed from counts.{{ name }}_unsuppressed
    except
    select {{ columns | join(", ") }}, is_closed from counted
) as has_changed;
