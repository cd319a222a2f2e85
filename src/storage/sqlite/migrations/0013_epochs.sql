-- Ends the tokens of a user: those of this server carry the epoch that the user had when they were issued,
-- and count in no other. Tokens of other applications count if they were issued after this second.
ALTER TABLE users ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN signed_out_at INTEGER;
