drop table system_keys, tenant_keys, tenants;
drop function erase_tenant_keys(), declare_tenant_table(regclass, name), declare_platform_table(regclass);
