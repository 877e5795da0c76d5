-- The rows of a query, as the server finds them.
copy (
    {{ query }}
) to stdout (format csv);
