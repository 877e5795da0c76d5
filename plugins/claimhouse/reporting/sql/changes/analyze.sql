analyze change.{{ table }};
