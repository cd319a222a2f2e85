//! Everything that works around paperclip, which gathers the operations as Swagger 2.0; what that
//! cannot express is added to the document here.

mod errors;
mod finish;
mod gather;
mod requirements;
mod stand_in;

pub use errors::{document_error, document_errors};
pub(crate) use finish::finish;
pub(crate) use gather::gather;
pub use requirements::Requirements;
pub(crate) use stand_in::{body, json_response, parameter, schema};
