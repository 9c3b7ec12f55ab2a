//! A small HTTP client for heddle's own commands: one base URL, a bearer token, JSON answers and problems.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::Value;

use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::limits;
use crate::token::Token;

/// A connection pool to one heddle. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
    authorization: Option<HeaderValue>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The request carried a token.
    pub(crate) had_token: bool,
}

/// A JSON document: as it came, and parsed.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) value: Value,
}

/// The part of a problem document (RFC 9457) that people read.
#[derive(Debug, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

impl Client {
    /// A client for `base`, such as `http://127.0.0.1:9090`, that sends the token in `token_file` if there is one.
    ///
    /// # Errors
    /// [`Exit::Usage`] for a base that is no plain `http` URL, [`Exit::Io`] for a token file that cannot be read.
    pub(crate) fn new(base: &str, token_file: Option<&Path>) -> Outcome<Self> {
        let base = check_base(base)?;
        let authorization = match token_file {
            Some(path) => Some(Token::read(path).or_exit(Exit::Io)?.authorization()),
            None => None,
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(limits::CLIENT_TIMEOUT));
        let pool = Pool::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            pool,
            base,
            authorization,
        })
    }

    /// The base URL, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Gets a JSON document; `wait` is how long the server was asked to hold the answer back.
    ///
    /// # Errors
    /// A [`Failure`] for every answer but 200, in the server's words.
    pub(crate) async fn get_document(&self, path: &str, wait: Duration) -> Outcome<Document> {
        let answer = self.get(path, wait).await?;
        self.document(answer)
    }

    /// The JSON of a success.
    fn document(&self, answer: Answer) -> Outcome<Document> {
        if !answer.status.is_success() {
            return Err(answer.failure(&self.base));
        }
        Document::parse(answer.body).map_err(|error| {
            let base = &self.base;
            Failure::new(
                Exit::Io,
                format!("{base} did not answer with JSON ({error}); is it heddle's admin address?"),
            )
        })
    }

    /// Gets a whole answer.
    async fn get(&self, path: &str, wait: Duration) -> Outcome<Answer> {
        let exchange = async {
            let response = self.open(path).await?;
            self.answer(response).await
        };
        tokio::time::timeout(limits::CLIENT_TIMEOUT + wait, exchange)
            .await
            .unwrap_or_else(|_| {
                Err(Failure::new(
                    Exit::Io,
                    format!("{} did not answer in time", self.base),
                ))
            })
    }

    /// Begins to get an answer that may never end.
    pub(crate) async fn open(&self, path: &str) -> Outcome<Response<Incoming>> {
        self.request(Method::GET, path, HeaderMap::new(), Bytes::new())
            .await
    }

    /// Posts a body with these headers and reads the whole answer.
    pub(crate) async fn post(&self, path: &str, headers: HeaderMap, body: Bytes) -> Outcome<Answer> {
        self.post_within(limits::CLIENT_TIMEOUT, path, headers, body)
            .await
    }

    async fn post_within(
        &self,
        timeout: Duration,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Outcome<Answer> {
        let exchange = async {
            let response = self.request(Method::POST, path, headers, body).await?;
            self.answer(response).await
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| {
            Err(Failure::new(
                Exit::Io,
                format!("{} did not answer in time", self.base),
            ))
        })
    }

    /// Ends something and reads the JSON answer.
    ///
    /// # Errors
    /// A [`Failure`] for every answer that is no success, in the server's words.
    pub(crate) async fn delete(&self, path: &str) -> Outcome<Document> {
        let exchange = async {
            let response = self
                .request(Method::DELETE, path, HeaderMap::new(), Bytes::new())
                .await?;
            self.answer(response).await
        };
        let answer = tokio::time::timeout(limits::CLIENT_TIMEOUT, exchange).await;
        self.document(answer.unwrap_or_else(|_| {
            let base = &self.base;
            Err(Failure::new(Exit::Io, format!("{base} did not answer in time")))
        })?)
    }

    /// Asks for a change: posts a JSON body and reads the JSON answer.
    ///
    /// # Errors
    /// A [`Failure`] for every answer that is no success, in the server's words.
    pub(crate) async fn change(&self, path: &str, body: &Value) -> Outcome<Document> {
        self.change_within(limits::CLIENT_TIMEOUT, path, body).await
    }

    /// As [`Client::change`], for what may take long.
    ///
    /// # Errors
    /// See there.
    pub(crate) async fn change_within(
        &self,
        timeout: Duration,
        path: &str,
        body: &Value,
    ) -> Outcome<Document> {
        self.change_text(timeout, path, body.to_string()).await
    }

    /// As [`Client::change_within`], with JSON that goes as it is written.
    ///
    /// # Errors
    /// See there.
    pub(crate) async fn change_text(&self, timeout: Duration, path: &str, body: String) -> Outcome<Document> {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        let answer = self.post_within(timeout, path, headers, body.into()).await?;
        self.document(answer)
    }

    /// The whole of an answer.
    pub(crate) async fn answer(&self, response: Response<Incoming>) -> Outcome<Answer> {
        Answer::read(response, &self.base, self.authorization.is_some()).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Outcome<Response<Incoming>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.base).parse().or_exit(Exit::Usage)?;
        *request.headers_mut() = headers;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        self.pool
            .request(request)
            .await
            .map_err(|error| unreachable(&self.base, &error))
    }
}

impl Answer {
    /// Reads an answer to its end.
    async fn read(response: Response<Incoming>, base: &str, had_token: bool) -> Outcome<Self> {
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, limits::CLIENT_ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| Failure::new(Exit::Io, format!("the answer of {base} broke off: {error}")))?;
        Ok(Self {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
            had_token,
        })
    }

    /// What the server asks a client to wait, if it says so in seconds.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self
            .headers
            .get(RETRY_AFTER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// What is wrong, in the server's words when it sent a problem document.
    pub(crate) fn complaint(&self) -> String {
        let is_problem = self
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
        let problem: Option<Problem> = if is_problem {
            serde_json::from_slice(&self.body).ok()
        } else {
            None
        };
        match problem {
            Some(Problem {
                detail: Some(detail), ..
            }) => detail,
            Some(Problem {
                title: Some(title), ..
            }) => title,
            _ => format!("it answered {}", self.status),
        }
    }

    /// This answer as the reason for which a command ends.
    pub(crate) fn failure(&self, base: &str) -> Failure {
        let complaint = self.complaint();
        match self.status {
            StatusCode::UNAUTHORIZED if self.had_token => Failure::new(
                Exit::Usage,
                format!("{base} does not accept the token that --token-file names"),
            ),
            StatusCode::UNAUTHORIZED => Failure::new(
                Exit::Usage,
                format!("{base} asks for a token; name the file that has it with --token-file"),
            ),
            status if status.is_client_error() => Failure::new(Exit::Usage, complaint),
            status => Failure::new(Exit::Io, format!("{base} answered {status}: {complaint}")),
        }
    }
}

impl Document {
    fn parse(body: Bytes) -> anyhow::Result<Self> {
        let text = String::from_utf8(body.into())?;
        let value = serde_json::from_str(&text)?;
        Ok(Self { text, value })
    }
}

/// The base with a scheme and without a slash at its end.
fn check_base(base: &str) -> Outcome<String> {
    let not_a_url = || {
        Failure::new(
            Exit::Usage,
            format!("`{base}` is not a URL such as http://127.0.0.1:9090"),
        )
    };
    let full = if base.contains("://") {
        base.to_owned()
    } else {
        format!("http://{base}")
    };
    let uri: Uri = full.parse().map_err(|_| not_a_url())?;
    match uri.scheme_str() {
        Some("http") => Ok(full.trim_end_matches('/').to_owned()),
        Some("https") => Err(Failure::new(
            Exit::Usage,
            format!(
                "`{base}`: this command speaks plain http only; reach a heddle behind TLS through a local tunnel"
            ),
        )),
        _ => Err(not_a_url()),
    }
}

fn unreachable(base: &str, error: &hyper_util::client::legacy::Error) -> Failure {
    let causes = std::iter::successors(std::error::Error::source(error), |&error| error.source());
    let cause = causes
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string);
    let hint = if error.is_connect() {
        "; is heddle running there?"
    } else {
        ""
    };
    Failure::new(Exit::Io, format!("no answer from {base}: {cause}{hint}"))
}

#[cfg(test)]
mod tests;
