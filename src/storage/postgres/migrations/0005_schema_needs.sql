-- The last migration that a program must know to use this database. One that knows this migration,
-- and not those after it, goes on serving: during a rolling upgrade, and after one was undone. A
-- migration that such programs cannot live with ends with
--     UPDATE schema_needs SET migration = <its own number>;
CREATE TABLE schema_needs (migration BIGINT NOT NULL);
INSERT INTO schema_needs VALUES (5);
