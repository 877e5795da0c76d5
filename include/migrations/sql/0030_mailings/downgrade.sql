drop table portal.mailing;
