-- After the first rows of a source system.
analyze published.{{ partition }};
