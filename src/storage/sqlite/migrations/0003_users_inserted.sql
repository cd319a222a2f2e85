-- An INSERT can change a user: with REPLACE it first deletes whoever has the name, and SQLite tells
-- no trigger of that.
CREATE TRIGGER users_created AFTER INSERT ON users
BEGIN UPDATE user_changes SET count = count + 1; END;
