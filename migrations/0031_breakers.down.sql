alter table processes drop column breakers;
