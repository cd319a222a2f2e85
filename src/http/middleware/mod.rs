//! The steps every request passes, one file each; `app.rs` has their order.

pub(super) mod client_pages;
pub(super) mod cors;
pub(super) mod drain;
pub(super) mod headers;
pub(super) mod limits;
pub(crate) mod panic;
pub(super) mod root_path;
pub(super) mod slices;

pub(crate) use cors::check as check_cors;
