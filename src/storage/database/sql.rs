//! One text for both databases, with names for their differences.

/// A statement in each database's dialect.
#[derive(Clone, Copy)]
pub(in crate::storage) struct Sql {
    pub(in crate::storage) sqlite: &'static str,
    #[cfg(feature = "postgres")]
    pub(in crate::storage) postgres: &'static str,
}

/// Most are the same: SQLite has PostgreSQL's `$1`, `->>`, `string_agg`, `RETURNING` and upsert.
impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self {
            sqlite: text,
            #[cfg(feature = "postgres")]
            postgres: text,
        }
    }
}

/// A statement from texts and [`differs`] items, in brackets:
/// `sql!("DELETE FROM leases WHERE until < " [now])`.
macro_rules! sql {
    ($($part:tt)+) => {
        $crate::storage::database::Sql {
            sqlite: concat!($($crate::storage::database::differs!(sqlite $part)),+),
            #[cfg(feature = "postgres")]
            postgres: concat!($($crate::storage::database::differs!(postgres $part)),+),
        }
    };
}
pub(in crate::storage) use sql;

/// The dialects, SQLite first.
macro_rules! differs {
    ($engine:ident $same:literal) => { $same };
    // Seconds since 1970.
    ($engine:ident [now]) => {
        $crate::storage::database::of!($engine "unixepoch()", "extract(epoch FROM now())::bigint")
    };
    // The same at this moment: a transaction may have waited.
    ($engine:ident [clock]) => {
        $crate::storage::database::of!(
            $engine "unixepoch()", "floor(extract(epoch FROM clock_timestamp()))::bigint"
        )
    };
    // The milliseconds since 1970, at this moment: a transaction may have waited.
    ($engine:ident [milliseconds]) => {
        $crate::storage::database::of!(
            $engine "CAST(unixepoch('subsec') * 1000 AS bigint)",
            "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
        )
    };
    // A column with ASCII letters in lower case.
    ($engine:ident [lower $column:literal]) => {
        $crate::storage::database::of!(
            $engine concat!("lower(", $column, ")"), concat!("lower(", $column, " COLLATE \"C\")")
        )
    };
    // A text that is compared by its bytes, whatever the database's own collation is.
    ($engine:ident [bytes $text:literal]) => {
        $crate::storage::database::of!($engine $text, concat!($text, " COLLATE \"C\""))
    };
    // Whether a text contains a character of a class such as `[^a-z]`.
    ($engine:ident [has $class:literal]) => {
        $crate::storage::database::of!(
            $engine concat!("GLOB '*", $class, "*'"), concat!("~ '", $class, "'")
        )
    };
    // Rows with a `value`: the texts of a JSON array.
    ($engine:ident [texts $json:literal]) => {
        $crate::storage::database::of!(
            $engine concat!("json_each(", $json, ")"),
            concat!("jsonb_array_elements_text(", $json, "::jsonb) AS texts (value)")
        )
    };
    // Rows with a `value`: the arrays or objects of a JSON array, whose parts are `value ->> 0` or
    // `value ->> 'name'`; what is no text is cast.
    ($engine:ident [records $json:literal]) => {
        $crate::storage::database::of!(
            $engine concat!("json_each(", $json, ")"),
            concat!("jsonb_array_elements(", $json, "::jsonb) AS records (value)")
        )
    };
    // A column is one of the integers of a JSON array. PostgreSQL finds the rows by an index also with
    // a plan that it made while the table was empty, as it was when an import began.
    ($engine:ident [among $json:literal]) => {
        $crate::storage::database::of!(
            $engine concat!("IN (SELECT value FROM json_each(", $json, "))"),
            concat!("= ANY (ARRAY(SELECT CAST(value AS bigint)
                 FROM jsonb_array_elements_text(", $json, "::jsonb) AS integers (value)))")
        )
    };
    // The same for a column of texts.
    ($engine:ident [among texts $json:literal]) => {
        $crate::storage::database::of!(
            $engine concat!("IN (SELECT value FROM json_each(", $json, "))"),
            concat!("= ANY (ARRAY(SELECT jsonb_array_elements_text(", $json, "::jsonb)))")
        )
    };
    // No other transaction changes the rows found until this one ends. On SQLite none can: a
    // writing transaction has the write lock from its beginning.
    ($engine:ident [for update]) => { $crate::storage::database::of!($engine "", " FOR UPDATE") };
    // The same, shared with others that need the rows to stay as they are.
    ($engine:ident [for share]) => { $crate::storage::database::of!($engine "", " FOR SHARE") };
    // Rows that somebody else changes are left out, so that nobody waits.
    ($engine:ident [skip locked]) => {
        $crate::storage::database::of!($engine "", "FOR UPDATE SKIP LOCKED")
    };
    // A JSON text, whose elements are `->> 0`, `->> 1` and so on.
    ($engine:ident [json $text:literal]) => {
        $crate::storage::database::of!(
            $engine concat!("(", $text, ")"), concat!("(", $text, ")::jsonb")
        )
    };
    // Whether there is an index with this name.
    ($engine:ident [index $name:literal]) => {
        $crate::storage::database::of!(
            $engine concat!("EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '", $name, "')"),
            concat!("to_regclass('", $name, "') IS NOT NULL")
        )
    };
}
pub(in crate::storage) use differs;

/// One of two.
macro_rules! of {
    (sqlite $sqlite:expr, $postgres:expr) => {
        $sqlite
    };
    (postgres $sqlite:expr, $postgres:expr) => {
        $postgres
    };
}
pub(in crate::storage) use of;
