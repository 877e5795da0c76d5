select
    a.audience,
    a.rule
from published.audience as a;
