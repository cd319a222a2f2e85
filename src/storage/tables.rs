//! The tables that are copied as they are, beside users, events of the audit log, API keys and clients.

use crate::storage::database::{Sql, sql};

/// What belongs to users, or is counted for them: copied row by row, after the users.
pub(super) struct Table {
    /// Up to a thousand rows after the one with this text and number.
    pub(super) page: &'static str,
    /// Adds rows, unless they are there.
    pub(super) add: Sql,
}

/// All of them.
pub(super) static TABLES: [Table; 16] = [
    Table {
        page: "SELECT '', user_id, day FROM last_logins JOIN users ON users.id = user_id
               WHERE user_id > $2 AND $1 = '' ORDER BY user_id LIMIT 1000",
        add: sql!(
            "INSERT INTO last_logins (user_id, day)
             SELECT CAST(value ->> 1 AS bigint), CAST(value ->> 2 AS bigint)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: "SELECT name, id, CAST(0 AS bigint) FROM former_names
               WHERE (name, id) > ($1, $2) ORDER BY name, id LIMIT 1000",
        add: sql!(
            "INSERT INTO former_names (name, id)
             SELECT value ->> 0, CAST(value ->> 1 AS bigint) FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: "SELECT place, user_id, last FROM known JOIN users ON users.id = user_id
               WHERE (user_id, place) > ($2, $1) ORDER BY user_id, place LIMIT 1000",
        add: sql!(
            "INSERT INTO known (place, user_id, last)
             SELECT value ->> 0, CAST(value ->> 1 AS bigint), CAST(value ->> 2 AS bigint)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: "SELECT id, until, CAST(0 AS bigint) FROM revocations
               WHERE kind = 'token' AND (id, until) > ($1, $2) ORDER BY id, until LIMIT 1000",
        add: sql!(
            "INSERT INTO revocations (kind, id, until)
             SELECT 'token', value ->> 0, CAST(value ->> 1 AS bigint)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: "SELECT hash, until, CAST(0 AS bigint) FROM seen
               WHERE (hash, until) > ($1, $2) ORDER BY hash, until LIMIT 1000",
        add: sql!(
            "INSERT INTO seen (hash, until)
             SELECT value ->> 0, CAST(value ->> 1 AS bigint) FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: "SELECT id, until, CAST(0 AS bigint) FROM revocations
               WHERE kind = 'family' AND (id, until) > ($1, $2) ORDER BY id, until LIMIT 1000",
        add: sql!(
            "INSERT INTO revocations (kind, id, until)
             SELECT 'family', value ->> 0, CAST(value ->> 1 AS bigint)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: "SELECT key, tat, taken_at FROM throttles
               WHERE (key, tat) > ($1, $2) ORDER BY key, tat LIMIT 1000",
        add: sql!(
            "INSERT INTO throttles (key, tat, taken_at, taken_by)
             SELECT value ->> 0, CAST(value ->> 1 AS bigint), CAST(value ->> 2 AS bigint), 0
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    // No text of keys needs an escape in JSON.
    Table {
        page: r#"SELECT '["' || name || '","' || sealed || '"]', CAST(0 AS bigint), CAST(0 AS bigint)
               FROM server_keys WHERE ('["' || name || '","' || sealed || '"]', 0) > ($1, $2)
               ORDER BY 1 LIMIT 1000"#,
        add: sql!(
            "INSERT INTO server_keys (name, sealed)
             SELECT " [json "value ->> 0"] " ->> 0, " [json "value ->> 0"] " ->> 1
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: r#"SELECT key, active_from, coalesce(retired_at, 0)
               FROM (SELECT '["' || kid || '","' || alg || '","' || public || '","' || sealed || '"]'
                   AS key, active_from, retired_at FROM signing_keys) AS keys
               WHERE (key, active_from) > ($1, $2) ORDER BY key, active_from LIMIT 1000"#,
        add: sql!(
            "INSERT INTO signing_keys (kid, alg, public, sealed, active_from, retired_at)
             SELECT " [json "value ->> 0"] " ->> 0, " [json "value ->> 0"] " ->> 1,
                 " [json "value ->> 0"] " ->> 2, " [json "value ->> 0"] " ->> 3,
                 CAST(value ->> 1 AS bigint), nullif(CAST(value ->> 2 AS bigint), 0)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    // A label or a subject may have a quote or a backslash, and nothing else that JSON escapes.
    Table {
        page: r#"SELECT key, created_at, CAST(0 AS bigint)
               FROM (SELECT '["' || replace(replace(provider, '\', '\\'), '"', '\"') || '","'
                   || replace(replace(subject, '\', '\\'), '"', '\"') || '",' || user_id || ',"'
                   || replace(replace(label, '\', '\\'), '"', '\"') || '","'
                   || scopes || '"]' AS key, created_at FROM identities) AS identities
               WHERE (key, created_at) > ($1, $2) ORDER BY key, created_at LIMIT 1000"#,
        add: sql!(
            "INSERT INTO identities (provider, subject, user_id, label, scopes, created_at)
             SELECT " [json "value ->> 0"] " ->> 0, " [json "value ->> 0"] " ->> 1,
                 CAST(" [json "value ->> 0"] " ->> 2 AS bigint), " [json "value ->> 0"] " ->> 3,
                 " [json "value ->> 0"] " ->> 4, CAST(value ->> 1 AS bigint)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    // In the order of their ids, which the text begins with; no text has an escape in JSON.
    Table {
        page: r#"SELECT '["' || id || '",' || coalesce('"' || client_id || '"', 'null') || ',' || user_id
                   || ',' || epoch || ',"' || scope || '",' || auth_time || ',' || generation || ','
                   || rotated_at || ',' || repeats || ',' || access_until || ',' || seen || ','
                   || expires || ',' || coalesce(CAST(revoked_at AS text), 'null') || ',' || look_at
                   || ',' || coalesce(CAST(client_epoch AS text), 'null')
                   || ',' || coalesce('"' || sid || '"', 'null') || ',"' || amr || '",' || offline
                   || ',' || coalesce('"' || resource || '"', 'null') || ']', CAST(0 AS bigint), CAST(0 AS bigint)
               FROM refresh_families
               WHERE id > substr(CAST($1 AS text), 3, 32) AND CAST($2 AS bigint) >= 0
               ORDER BY id LIMIT 1000"#,
        add: sql!(
            "INSERT INTO refresh_families
                 (id, client_id, user_id, epoch, scope, auth_time, generation, rotated_at, repeats,
                  access_until, seen, expires, revoked_at, look_at, client_epoch, sid, amr, offline, resource)
             SELECT family ->> 0, family ->> 1, CAST(family ->> 2 AS bigint),
                 CAST(family ->> 3 AS bigint), family ->> 4, CAST(family ->> 5 AS bigint),
                 CAST(family ->> 6 AS bigint), CAST(family ->> 7 AS bigint),
                 CAST(family ->> 8 AS bigint), CAST(family ->> 9 AS bigint),
                 CAST(family ->> 10 AS bigint), CAST(family ->> 11 AS bigint),
                 CAST(family ->> 12 AS bigint), CAST(family ->> 13 AS bigint),
                 CAST(family ->> 14 AS bigint), family ->> 15, family ->> 16,
                 CAST(family ->> 17 AS bigint), family ->> 18
             FROM (SELECT " [json "value ->> 0"] " AS family FROM " [records "$1"] ") AS families
             WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    // Likewise; what the browser calls itself is escaped when it is stored.
    Table {
        page: r#"SELECT '["' || sid || '","' || hash || '",' || user_id || ',' || epoch || ','
                   || auth_time || ',"' || amr || '",' || seen || ',' || idle_until || ','
                   || expires || ',' || look_at || ',"' || agent || '"]', CAST(0 AS bigint), CAST(0 AS bigint)
               FROM sessions
               WHERE sid > substr(CAST($1 AS text), 3, 32) AND CAST($2 AS bigint) >= 0
               ORDER BY sid LIMIT 1000"#,
        add: sql!(
            "INSERT INTO sessions (sid, hash, user_id, epoch, auth_time, amr, seen, idle_until,
                  expires, look_at, agent)
             SELECT session ->> 0, session ->> 1, CAST(session ->> 2 AS bigint),
                 CAST(session ->> 3 AS bigint), CAST(session ->> 4 AS bigint), session ->> 5,
                 CAST(session ->> 6 AS bigint), CAST(session ->> 7 AS bigint),
                 CAST(session ->> 8 AS bigint), CAST(session ->> 9 AS bigint), session ->> 10
             FROM (SELECT " [json "value ->> 0"] " AS session FROM " [records "$1"] ") AS sessions
             WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: r#"SELECT '["' || hash || '","' || family_id || '","' || sealed || '"]', expires,
                   coalesce(used_at, -1)
               FROM codes WHERE hash > substr(CAST($1 AS text), 3, 64) AND CAST($2 AS bigint) >= 0
               ORDER BY hash LIMIT 1000"#,
        add: sql!(
            "INSERT INTO codes (hash, family_id, sealed, expires, used_at)
             SELECT " [json "value ->> 0"] " ->> 0, " [json "value ->> 0"] " ->> 1,
                 " [json "value ->> 0"] " ->> 2, CAST(value ->> 1 AS bigint),
                 nullif(CAST(value ->> 2 AS bigint), -1)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    // A scope has no quotes and no backslashes.
    Table {
        page: r#"SELECT '["' || client_id || '","' || scope || '",' || client_epoch || ']', user_id, given_at
               FROM consents
               WHERE (user_id, '["' || client_id || '","' || scope || '",' || client_epoch || ']') > ($2, $1)
               ORDER BY user_id, 1 LIMIT 1000"#,
        add: sql!(
            "INSERT INTO consents (user_id, client_id, scope, client_epoch, given_at)
             SELECT CAST(value ->> 1 AS bigint), " [json "value ->> 0"] " ->> 0,
                 " [json "value ->> 0"] " ->> 1, CAST(" [json "value ->> 0"] " ->> 2 AS bigint),
                 CAST(value ->> 2 AS bigint)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    Table {
        page: "SELECT sid || ' ' || client_id, CAST(0 AS bigint), CAST(0 AS bigint) FROM session_clients
               WHERE sid || ' ' || client_id > CAST($1 AS text) AND CAST($2 AS bigint) >= 0
               ORDER BY 1 LIMIT 1000",
        add: sql!(
            "INSERT INTO session_clients (sid, client_id)
             SELECT substr(value ->> 0, 1, 32), substr(value ->> 0, 34)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
    // They are tried anew.
    Table {
        page: "SELECT sid || ' ' || client_id, user_id, until FROM logout_notices
               WHERE sid || ' ' || client_id > CAST($1 AS text) AND CAST($2 AS bigint) >= 0
               ORDER BY 1 LIMIT 1000",
        add: sql!(
            "INSERT INTO logout_notices (sid, client_id, user_id, tries, due, until)
             SELECT substr(value ->> 0, 1, 32), substr(value ->> 0, 34), CAST(value ->> 1 AS bigint),
                 0, 0, CAST(value ->> 2 AS bigint)
             FROM " [records "$1"] " WHERE true
             ON CONFLICT DO NOTHING"
        ),
    },
];
