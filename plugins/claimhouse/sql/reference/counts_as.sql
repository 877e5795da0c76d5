-- sqlfluff:templater:jinja:context:junk:claim_profile
-- sqlfluff:templater:jinja:context:word:claim_status
-- A list has changed: so has what the words of a dimension count as.
{% include "sql/reference/counts_as.jinja" %};
