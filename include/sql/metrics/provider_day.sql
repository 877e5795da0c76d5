-- Grain: a provider and a day, with the minutes of its visits and the minutes it was available. Everybody who took
-- part in a visit spent its minutes; where nobody is listed, the visit's own provider did. Every provider of a source
-- system with appointments is available on every working day from the first to the last appointment, for the minutes
-- that include/reference/provider_capacity.csv gives its specialty, or else the default.
create view metrics.provider_day with (security_invoker = true) as
{% include "metrics/provider_day.jinja" %};

comment on view metrics.provider_day is
'Grain: a provider and a day, with the minutes of its visits and those it was available';
