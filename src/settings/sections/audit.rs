//! `[audit]`

use crate::settings::declaration::{settings, whole};

settings! {
    /// `[audit]`: the audit log in the database.
    #[derive(Copy)]
    pub struct AuditSettings in audit {
        /// Days for which the database keeps what the audit log tells, for `bailiwick audit`. Older
        /// events are deleted. No login waits for it: while the database takes no more, up to 10,000
        /// events wait in each process, and what is lost beyond that is counted and logged. 0: the
        /// database keeps none; the log has them either way.
        retain_days: u32 = 0 => whole(0, 36_500);
    }
}
