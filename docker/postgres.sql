-- Run once by the image of PostgreSQL, as its superuser, when it has made its files: the role that
-- owns the database may do nothing else, and nobody logs in as the superuser from outside.
\getenv password POSTGRES_PASSWORD
CREATE ROLE bailiwick LOGIN PASSWORD :'password';
CREATE DATABASE bailiwick OWNER bailiwick ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE bailiwick FROM PUBLIC;
ALTER ROLE CURRENT_USER PASSWORD NULL;
