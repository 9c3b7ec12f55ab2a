//! Whom TLS believes: the system's root certificates and those of a sink. One crypto provider, none installed globally.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{Trust, TrustError};

/// The TLS configuration for this trust. `system` is asked only when the system's roots are needed.
///
/// # Errors
/// When the sink's certificates cannot be used.
pub(crate) fn client_config<'a>(
    trust: &Trust,
    system: impl FnOnce() -> &'a RootCertStore,
) -> Result<ClientConfig, TrustError> {
    let roots = match trust {
        Trust::Plaintext => RootCertStore::empty(),
        Trust::SystemRoots => system().clone(),
        Trust::WithCaCerts(pem) => {
            let mut roots = system().clone();
            add_pem(&mut roots, pem)?;
            roots
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Tls {
            detail: error.to_string(),
        })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The system's root certificates; empty, with a warning that says why, when there are none.
pub(crate) fn system() -> RootCertStore {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, unusable) = roots.add_parsable_certificates(loaded.certs);
    if usable == 0 {
        let errors = loaded
            .errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ");
        tracing::warn!(
            unusable,
            errors,
            "no root certificates found on this system: https endpoints are refused unless their destination has \
             CACerts; install the package ca-certificates or set SSL_CERT_FILE"
        );
    } else if unusable > 0 || !loaded.errors.is_empty() {
        tracing::debug!(
            usable,
            unusable,
            errors = loaded.errors.len(),
            "some root certificates cannot be used"
        );
    }
    roots
}

fn add_pem(roots: &mut RootCertStore, pem: &str) -> Result<(), TrustError> {
    let unusable = |detail: String| TrustError::Unusable { detail };
    let mut added = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let number = added + 1;
        let certificate = certificate.map_err(|error| unusable(format!("certificate {number}: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(format!("certificate {number}: {error}")))?;
        added += 1;
    }
    if added == 0 {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    Ok(())
}
