drop table model_settings;
drop table model_providers;
