//! TLS for https: rustls with ring, trusting the machine's root certificates.

use once_cell::race::OnceBox;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;

/// The TLS configuration of a transport, made when it is first needed: root certificates take milliseconds to read.
#[derive(Debug)]
pub(crate) struct Tls {
    needed: bool,
    config: OnceBox<ClientConfig>,
}

impl Tls {
    pub(crate) fn new(needed: bool) -> Self {
        Self { needed, config: OnceBox::new() }
    }

    /// A cheap copy. When TLS is not needed it trusts nobody: reqwest wants a configuration for plain http too.
    pub(crate) fn config(&self) -> io::Result<ClientConfig> {
        self.config.get_or_try_init(|| self.make().map(Box::new)).cloned()
    }

    fn make(&self) -> io::Result<ClientConfig> {
        let roots = if self.needed { roots()? } else { RootCertStore::empty() };
        // The provider is named, not taken from the process-wide default, which belongs to the host.
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A session cache is behind a lock, which a forked child could inherit locked; a handshake per round is cheap.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// The machine's certificates, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`. Unreadable ones are left out.
fn roots() -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(io::Error::other("no root certificate was found for https")) } else { Ok(roots) }
}
