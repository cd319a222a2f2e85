//! All that works around paperclip, which gathers the operations: it thinks in Swagger 2.0, and what
//! that cannot say is put into the document here.

mod errors;
mod finish;
mod gather;
mod requirements;
mod stand_in;

pub use errors::{document_error, document_errors};
pub(crate) use finish::finish;
pub(crate) use gather::gather;
pub use requirements::Requirements;
pub(crate) use stand_in::{body, parameter, schema};
