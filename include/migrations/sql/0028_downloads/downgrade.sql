drop table portal.download;
