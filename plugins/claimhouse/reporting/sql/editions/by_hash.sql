-- Before the first rows of a report of sums. Groups are fewer than the planner thinks, which takes columns for
-- independent of each other; to sort all facts by all columns of the key takes half of the time.
set local enable_sort = off;
