-- The rows of a query, streamed.
copy (
    {{ query }}
) to stdout (format csv);
