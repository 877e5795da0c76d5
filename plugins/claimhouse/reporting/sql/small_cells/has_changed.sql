-- Whether what is counted now differs from the previous version.
select exists (
    select {{ columns | join(", ") }} from counted
    except
    select {{ columns | join(", ") }} from counts.{{ name }}_unsuppressed
) or exists (
    select {{ columns | join(", ") }} from counts.{{ name }}_unsuppressed
    except
    select {{ columns | join(", ") }} from counted
) as has_changed;
