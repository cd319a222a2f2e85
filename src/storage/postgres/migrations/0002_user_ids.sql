-- Tells a user from an earlier one of the same name: the tokens of that one are not this one's.
-- Below 2^53; the default is for rows from elsewhere.
ALTER TABLE users ADD COLUMN id BIGINT NOT NULL
    DEFAULT hashtextextended(gen_random_uuid()::text, 0) & 9007199254740991;
