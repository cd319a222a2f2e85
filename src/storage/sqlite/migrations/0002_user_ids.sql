-- Tells a user from an earlier one of the same name: the tokens of that one are not this one's.
ALTER TABLE users ADD COLUMN id INTEGER NOT NULL DEFAULT 0;
UPDATE users SET id = random() & 0x1FFFFFFFFFFFFF; -- below 2^53

-- For rows from elsewhere; a column that is added cannot have a random default.
CREATE TRIGGER users_inserted AFTER INSERT ON users WHEN NEW.id = 0
BEGIN
    UPDATE users SET id = random() & 0x1FFFFFFFFFFFFF WHERE username = NEW.username;
END;
