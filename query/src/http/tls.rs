//! TLS: a certificate and its key, reloaded when their files change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::reload::{Reloaded, reload_on_change};

/// How often the files are checked.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why TLS cannot use these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The first file holds no certificate.
    #[error("`{}` holds no certificate; it must be in PEM form, followed by its chain", .0.display())]
    NoCertificate(PathBuf, #[source] Option<pem::Error>),
    /// The second file holds no key.
    #[error("`{}` holds no private key; it must be in PEM form and not encrypted", .0.display())]
    NoKey(PathBuf, #[source] pem::Error),
    /// They do not work, or do not belong together.
    #[error("`{}` and `{}` cannot be used together", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// The certificate and key of a running server. Clones share them.
#[derive(Clone)]
pub struct LiveTls {
    inner: Arc<Inner>,
}

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    config: ArcSwap<ServerConfig>,
    /// A hash of what the files held when `config` was made from them.
    content: Mutex<blake3::Hash>,
}

impl fmt::Debug for LiveTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveTls").field("certificate", &self.inner.certificate).finish_non_exhaustive()
    }
}

impl LiveTls {
    /// Reads the files: a certificate followed by its chain, and its key, both in PEM form.
    ///
    /// # Errors
    /// One of them cannot be read or used.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let files = CertificateFiles::read(&certificate, &key)?;
        let config = ArcSwap::from_pointee(files.config(&certificate, &key)?);
        let content = Mutex::new(files.hash());
        Ok(LiveTls { inner: Arc::new(Inner { certificate, key, config, content }) })
    }

    /// The acceptor for the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.inner.config.load_full())
    }

    /// Reloads the files if they changed, and says whether they did. On failure the old ones stay in use.
    ///
    /// # Errors
    /// One of them cannot be read or used; perhaps only one has been replaced so far.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Inner { certificate, key, config, content } = &*self.inner;
        let files = CertificateFiles::read(certificate, key)?;
        let mut known = content.lock().unwrap_or_else(PoisonError::into_inner);
        if files.hash() == *known {
            return Ok(false);
        }
        config.store(Arc::new(files.config(certificate, key)?));
        *known = files.hash();
        Ok(true)
    }

    /// Watches for changes as long as the server runs.
    pub async fn keep_current(self) {
        reload_on_change(
            LOOK_EVERY,
            move || self.reload(),
            |reloaded| match reloaded {
                Reloaded::Changed => tracing::info!("the certificate was replaced"),
                Reloaded::Readable => {}
                Reloaded::Failed(error) => {
                    tracing::error!(error, "the new certificate cannot be used; the old one stays in use")
                }
            },
        )
        .await;
    }
}

/// The content of both files.
struct CertificateFiles {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl CertificateFiles {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|error| TlsError::Unreadable(path.to_owned(), error));
        Ok(CertificateFiles { certificate: read(certificate)?, key: read(key)? })
    }

    fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(blake3::hash(&self.certificate).as_bytes()).update(&self.key).finalize()
    }

    fn config(&self, certificate_path: &Path, key_path: &Path) -> Result<ServerConfig, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain =
            chain.map_err(|error| TlsError::NoCertificate(certificate_path.to_owned(), Some(error)))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(certificate_path.to_owned(), None));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| TlsError::NoKey(key_path.to_owned(), error))?;
        let unusable = |source| TlsError::Unusable {
            certificate: certificate_path.to_owned(),
            key: key_path.to_owned(),
            source,
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(unusable)?;
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}
