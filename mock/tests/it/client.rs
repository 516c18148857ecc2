//! The HTTP client of the tests.

use reqwest::{Client, ClientBuilder};

/// A client with reqwest's defaults.
pub(crate) fn client() -> Client {
    builder().build().unwrap()
}

/// A builder of clients. They speak plain HTTP, but reqwest starts none without a TLS provider.
pub(crate) fn builder() -> ClientBuilder {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder()
}
