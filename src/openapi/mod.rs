//! Everything that works around paperclip, which gathers the operations as Swagger 2.0; what that
//! cannot express is added to the document here.

mod allowed;
mod each;
mod errors;
mod finish;
mod gather;
mod limits;
mod method;
mod names;
mod requirements;
mod stand_in;
mod tagged;

pub(crate) use allowed::{AllowedMethods, not_found, refusal};
pub(crate) use each::add_each;
pub use errors::{document_error, document_errors, document_own_error, own_error, own_status};
pub(crate) use finish::{AUTHORIZATION_URL, TOKEN_URL, finish};
pub(crate) use gather::gather;
pub use limits::BodyLimit;
pub(crate) use limits::limit_body;
pub use method::{delete, get, patch, post, put};
pub use requirements::Requirements;
pub(crate) use stand_in::{body, bytes, json_response, parameter, response, schema};
pub(crate) use tagged::Tagged;
pub use tagged::tagged;
