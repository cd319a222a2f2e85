//! Whose certificates are trusted.

use crate::outgoing::error::OutgoingError;
use crate::settings::NamedFile;
use std::sync::Arc;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// The certificates of a file; or what is wrong with it.
pub(super) fn of_file(file: &NamedFile) -> Result<Vec<Certificate<'static>>, String> {
    let path = file.path().display();
    let content = file.read().map_err(|cause| format!("{path}: {cause}"))?;
    let text = content.to_text().map_err(|cause| format!("{path}: {cause}"))?;
    let mut certificates = Vec::new();
    for item in parse_pem(text.expose().as_bytes()) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(format!("{path}: is no PEM")),
        }
    }
    if certificates.is_empty() {
        return Err(format!("{path}: has no certificate"));
    }
    Ok(certificates)
}

/// Those of the system; `SSL_CERT_FILE` and `SSL_CERT_DIR` say where they are, as for OpenSSL.
pub(super) fn of_system() -> Result<Vec<Certificate<'static>>, OutgoingError> {
    let found = rustls_native_certs::load_native_certs();
    for problem in &found.errors {
        log::warn!(target: "bailiwick.error", "certificates of the system: {problem}");
    }
    if found.certs.is_empty() {
        return Err(OutgoingError::NoRoots);
    }
    Ok(found
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect())
}

/// TLS with these authorities.
pub(super) fn tls(certificates: &[Certificate<'static>]) -> TlsConfig {
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build()
}
