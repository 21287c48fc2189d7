alter table processes drop column roles;
