-- The PostgreSQL image runs this once, as its superuser, after it has created its files. The role
-- that owns the database has no other rights, and the superuser cannot log in from outside.
\getenv password POSTGRES_PASSWORD
CREATE ROLE bailiwick LOGIN PASSWORD :'password';
CREATE DATABASE bailiwick OWNER bailiwick ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE bailiwick FROM PUBLIC;
ALTER ROLE CURRENT_USER PASSWORD NULL;
