DROP TABLE analytics_chatters_daily;
