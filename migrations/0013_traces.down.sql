drop table generations;
