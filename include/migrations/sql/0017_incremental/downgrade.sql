drop table published.basis;
