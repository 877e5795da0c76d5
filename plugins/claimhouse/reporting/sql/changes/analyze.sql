-- The statistics of what has changed.
analyze change.{{ table }};
