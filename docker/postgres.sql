-- The PostgreSQL image runs this once, as its superuser, when it has created its files. The role that
-- owns the database may do nothing else, and nobody logs in as the superuser from outside.
\getenv password POSTGRES_PASSWORD
CREATE ROLE bailiwick LOGIN PASSWORD :'password';
CREATE DATABASE bailiwick OWNER bailiwick ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE bailiwick FROM PUBLIC;
ALTER ROLE CURRENT_USER PASSWORD NULL;
