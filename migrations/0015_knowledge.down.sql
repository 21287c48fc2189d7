drop table documents;
drop function document_search(text, text);
