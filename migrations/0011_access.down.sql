drop table tickets, api_keys;
