-- Whether anything was counted that was not so before.
select exists (
    select {{ columns | join(", ") }} from counted
    except
    select {{ columns | join(", ") }} from summary.{{ name }}_counted
) or exists (
    select {{ columns | join(", ") }} from summary.{{ name }}_counted
    except
    select {{ columns | join(", ") }} from counted
) as is_new;
