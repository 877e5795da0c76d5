-- Grain: a provider and a day, with the minutes of its visits and those it was available. All who took part in
-- a visit spent its minutes; where nobody listed who did, the visit's own provider. Available is every provider
-- of a source with appointments, on every working day from the first to the last of the source's calendar, for
-- the minutes that include/reference/provider_capacity.csv gives its specialty, or else the default.
create view metrics.provider_day with (security_invoker = true) as
{% include "metrics/provider_day.jinja" %};

comment on view metrics.provider_day is
'Grain: a provider and a day, with the minutes of its visits and those it was available';
