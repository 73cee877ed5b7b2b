//! One request for a key set.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use super::KeySourceError;
use crate::keys::{KeySet, KeySetError};

/// Fetches the key set of one issuer.
#[derive(Debug, Clone)]
pub(super) struct Fetcher {
    client: Client,
    url: Url,
}

impl Fetcher {
    pub(super) fn new(text: &str) -> Result<Self, KeySourceError> {
        let invalid = |expected| KeySourceError::Url { url: text.to_owned(), expected };
        let url = Url::parse(text).map_err(|_| invalid("write an absolute https URL"))?;
        if !is_secure_or_loopback(&url) {
            return Err(invalid("keys come over https; plain http is for loopback addresses only"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(invalid("leave out user information and fragment"));
        }
        let mut client = Client::builder()
            // A redirect could lead anywhere, such as to the metadata service of a cloud.
            .redirect(Policy::none())
            .timeout(TIMEOUT);
        if url.scheme() == "http" {
            // A proxy from the environment would see and could change what loopback was trusted for.
            client = client.no_proxy();
        }
        Ok(Self { client: client.build().map_err(KeySourceError::Client)?, url })
    }

    pub(super) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let request = self.client.get(self.url.clone()).header("accept", "application/jwk-set+json, application/json");
        let mut response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        // Counted as it arrives: `content-length` is only what the server says.
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > MAX_BODY_BYTES {
                return Err(FetchError::TooLarge { limit: MAX_BODY_BYTES });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(KeySet::from_json(&body)?)
    }
}

/// Why a fetch brought no keys. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    #[error("the answer has status {0}, not 200")]
    Status(u16),
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the request failed: {}", innermost(.0))]
    Transport(#[from] reqwest::Error),
}

/// Whether nobody on the way can read or change what is sent to `url`: https, or plain http to this very machine.
pub(crate) fn is_secure_or_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match url.scheme() {
        "https" => !host.is_empty(),
        "http" => host == "localhost" || address.is_ok_and(|address| address.is_loopback()),
        _ => false,
    }
}

/// The outer errors of the HTTP client only say that something failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A request waits for this; issuers answer in well under a second.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A hundred keys with their certificate chains fit.
const MAX_BODY_BYTES: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_over_https_or_from_this_machine() {
        for url in ["https://as.example.com/jwks", "http://localhost:8080/jwks", "http://127.0.0.2/", "http://[::1]:1/"]
        {
            assert!(Fetcher::new(url).is_ok(), "{url}");
        }
        for url in [
            "http://as.example.com/jwks",
            "http://localhost.example.com/jwks",
            "http://127.0.0.1.example.com/jwks",
            "http://169.254.169.254/jwks",
            "https://user:password@as.example.com/jwks",
            "https://as.example.com/jwks#fragment",
            "file:///etc/passwd",
            "/jwks",
            "",
        ] {
            assert!(matches!(Fetcher::new(url), Err(KeySourceError::Url { .. })), "{url}");
        }
    }
}
