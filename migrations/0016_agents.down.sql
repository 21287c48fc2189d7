drop table agent_holds;
drop table agents;
