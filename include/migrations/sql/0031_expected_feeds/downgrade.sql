drop table landing.expected_feed;
