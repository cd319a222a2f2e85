-- The day of each user's last login, apart from users: whoever logs in has not changed, so no cache forgets
-- anybody. It goes with the user.
CREATE TABLE last_logins (
    user_id BIGINT NOT NULL PRIMARY KEY,
    day     BIGINT NOT NULL -- days since 1970-01-01
);
