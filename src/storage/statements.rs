//! The statements that all databases understand: SQLite has PostgreSQL's `$1` and `string_agg`.

/// A statement that reads users, with what follows `FROM users`; see [`super::row::user`].
macro_rules! select_users {
    ($which:literal) => {
        concat!(
            "SELECT username, id, email, full_name, disabled, password_hash, created_at, updated_at,
                 (SELECT string_agg(scope, ' ' ORDER BY position) FROM user_scopes
                  WHERE user_scopes.username = users.username) AS scopes,
                 EXISTS (SELECT 1 FROM former_names WHERE name = username AND former_names.id <> users.id)
                     AS has_predecessor
             FROM users ",
            $which
        )
    };
}

/// The user of this name.
pub(super) const FIND: &str = select_users!("WHERE username = $1");

/// The user of this id.
pub(super) const FIND_BY_ID: &str = select_users!("WHERE id = $1");

/// The users of this name and of this id.
pub(super) const FIND_BOTH: &str = select_users!("WHERE username = $1 OR id = $2");

/// Users whose folded name is this one: more than two are as many as two.
pub(super) const FIND_FOLDED: &str = select_users!(
    "WHERE username = $1 OR username IN (SELECT username FROM folded_names WHERE folded = $1)
     ORDER BY username LIMIT 2"
);

/// Names that users have given up, and whose they were, that come after this pair.
pub(super) const FORMER_NAMES: &str =
    "SELECT name, id FROM former_names WHERE (name, id) > ($1, $2) ORDER BY name, id LIMIT 1000";

/// Names behind this one whose folded form may be wrong, as other programs may have left it. Right
/// without a look are those of printable ASCII without capitals.
macro_rules! unsure_names {
    ($unusual:literal) => {
        concat!(
            "SELECT users.username, folded_names.folded
             FROM users LEFT JOIN folded_names ON folded_names.username = users.username
             WHERE users.username > $1 AND (folded IS NOT NULL OR users.username ",
            $unusual,
            ") ORDER BY users.username LIMIT 1000"
        )
    };
}
pub(super) use unsure_names;

/// How many users have a name that another one has but for case, and one of them.
pub(super) const SHARED_NAMES: &str = "SELECT count(*), min(username) FROM folded_names AS one
     WHERE EXISTS (SELECT 1 FROM users WHERE users.username = one.folded)
         OR EXISTS (SELECT 1 FROM folded_names AS other
                    WHERE other.folded = one.folded AND other.username <> one.username)";

/// How many users have an address that another one has, and one of them.
macro_rules! shared_emails {
    ($one:literal, $other:literal) => {
        concat!(
            "SELECT count(*), min(username) FROM users AS one
             WHERE EXISTS (SELECT 1 FROM users AS other
                           WHERE ",
            $other,
            " = ",
            $one,
            " AND other.username <> one.username)"
        )
    };
}
pub(super) use shared_emails;

/// So many users whose names come after this one. No name is empty, so the empty text stands before
/// all.
pub(super) const LIST: &str = select_users!("WHERE username > $1 ORDER BY username LIMIT $2");

/// Whether there are no users.
pub(super) const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM users)";

/// Writes all of the user of this name that can change, except the scopes; without a hash the stored
/// one stays.
pub(super) const UPDATE: &str =
    "UPDATE users SET email = $2, full_name = $3, disabled = $4, password_hash = coalesce($5, password_hash),
         updated_at = $6
     WHERE username = $1";

/// Gives the user of this name another one, which scopes and folded name follow.
pub(super) const RENAME: &str = "UPDATE users SET username = $2 WHERE username = $1";

/// Takes the folded name from the user of this name.
pub(super) const UNFOLD: &str = "DELETE FROM folded_names WHERE username = $1";

/// Deletes the user of this name, with the scopes.
pub(super) const DELETE: &str = "DELETE FROM users WHERE username = $1";

/// Takes all scopes from the user of this name.
pub(super) const DELETE_SCOPES: &str = "DELETE FROM user_scopes WHERE username = $1";

/// Whether an enabled user holds the scope `$1` who is not called `$2`.
pub(super) const ANOTHER_HOLDER: &str = "SELECT EXISTS (
         SELECT 1 FROM user_scopes JOIN users USING (username)
         WHERE scope = $1 AND username <> $2 AND NOT disabled)";
