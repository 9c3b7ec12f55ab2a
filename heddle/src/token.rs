//! A bearer token: read from a file, sent, and compared without telling by the time how much of it was right.

use std::fmt;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use http::HeaderValue;

/// A secret that a client sends in `Authorization: Bearer ...` (RFC 6750, section 2.1).
#[derive(Clone)]
pub(crate) struct Token(String);

/// A token file that holds no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The file cannot be read.
    #[error("the token file {path} cannot be read")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file is empty, or holds what cannot be in a header.
    #[error("the token file {path} must hold one token of visible ASCII characters and nothing else")]
    NoToken { path: PathBuf },
}

impl Token {
    /// Reads a token; white space around it is ignored.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenError> {
        let text = std::fs::read_to_string(path).map_err(|source| TokenError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).ok_or_else(|| TokenError::NoToken {
            path: path.to_owned(),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let token = text.trim();
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then(|| Self(token.to_owned()))
    }

    /// The header that sends it, marked so that it is not logged.
    pub(crate) fn authorization(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0))
            .expect("a token is visible ASCII, which a header may hold");
        value.set_sensitive(true);
        value
    }

    /// Whether an `Authorization` header carries this token.
    pub(crate) fn is_in(&self, authorization: Option<&HeaderValue>) -> bool {
        let Some((scheme, sent)) = authorization.and_then(|value| value.to_str().ok()?.split_once(' '))
        else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer") && same(self.0.as_bytes(), sent.trim().as_bytes())
    }
}

/// Compares in a time that depends on the length of `sent` alone.
fn same(secret: &[u8], sent: &[u8]) -> bool {
    let mut difference = u8::from(secret.len() != sent.len());
    for (index, byte) in sent.iter().enumerate() {
        difference |= byte ^ secret[index % secret.len()];
        difference = black_box(difference);
    }
    difference == 0
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests;
