//! Connects to NATS as a source's specification says, and turns the connection's events into the source's state.

use std::sync::Arc;
use std::time::Duration;

use async_nats::rustls::pki_types::pem::PemObject;
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use async_nats::rustls::{ClientConfig, RootCertStore};
use async_nats::{Client, ClientError, ConnectOptions, Event, ServerAddr, ServerError};
use schemas::names::ResourceName;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{NatsAuth, NatsMode, NatsSpec, NatsTls};
use crate::limits::{
    NATS_BUFFERED_MESSAGES_MAX, NATS_REQUEST_MS_MAX, RESTART_PAUSE_MS_MAX, RESTART_PAUSE_MS_MIN,
};
use crate::metrics::SourceMetrics;
use crate::source::{Session, SourceError};
use crate::status::Reporter;

/// A connection whose troubles are told as the source's state for as long as this lives.
pub(super) struct Connection {
    pub(super) client: Client,
    /// Told when the connection is a new one.
    pub(super) reconnected: Arc<Notify>,
    /// The library tells of the end of a connection that we have dropped, too; that is nobody's failure.
    _reporting: DropGuard,
}

/// Why a NatsSource cannot run as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NatsSpecError {
    /// No server to ask first.
    #[error("no NATS server is named; give at least one, such as nats://localhost:4222")]
    NoServers,
    /// Not a server's URL.
    #[error(
        "`{url}` is not the URL of a NATS server: {reason}; write it as nats://host:4222 or tls://host:4222"
    )]
    Server {
        /// Without user and password.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Not a subject.
    #[error(
        "`{0}` is not a NATS subject; write tokens separated by dots, with `*` for one token and `>` for the rest"
    )]
    Subject(String),
    /// Not a name that JetStream allows.
    #[error("`{0}` is not the name of a stream or consumer; use no blanks, dots, slashes, `*` or `>`")]
    Name(String),
    /// A PEM that cannot be read.
    #[error("the {what} for NATS cannot be read: {reason}")]
    Pem {
        /// Which one.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A certificate without its key, or the other way round.
    #[error("the certificate and the key for NATS go together; give both or none")]
    HalfCertificate,
    /// The content of the credentials file cannot be read.
    #[error("the credentials for NATS cannot be read: {0}")]
    Credentials(String),
}

pub(super) fn validate(spec: &NatsSpec) -> Result<(), NatsSpecError> {
    if spec.servers.is_empty() {
        return Err(NatsSpecError::NoServers);
    }
    for server in &spec.servers {
        address(server)?;
    }
    match &spec.mode {
        NatsMode::Core { subject, .. } => check_subject(subject)?,
        NatsMode::JetStream(jetstream) => {
            check_name(&jetstream.stream)?;
            jetstream.consumer.as_deref().map_or(Ok(()), check_name)?;
            jetstream
                .filter_subject
                .as_deref()
                .map_or(Ok(()), check_subject)?;
        }
    }
    spec.tls
        .as_ref()
        .map_or(Ok(()), |tls| tls_config(tls).map(drop))?;
    options(spec).map(drop)
}

/// Connects; `None` when the source was told to stop first.
pub(super) async fn connect(
    spec: &NatsSpec,
    name: &ResourceName,
    session: &Session,
) -> Result<Option<Connection>, SourceError> {
    let configured = |error: NatsSpecError| SourceError::outside("reading the configuration", error);
    let mut options = options(spec).map_err(configured)?;
    if let Some(tls) = &spec.tls {
        options = options
            .require_tls(true)
            .tls_client_config(tls_config(tls).map_err(configured)?);
    }
    let (status, metrics) = (Arc::clone(&session.status), session.metrics.clone());
    let reconnected = Arc::new(Notify::new());
    let (notify, dropped) = (Arc::clone(&reconnected), CancellationToken::new());
    let reporting = dropped.clone().drop_guard();
    options = options
        .name(format!("heddle {name}"))
        .subscription_capacity(NATS_BUFFERED_MESSAGES_MAX)
        .request_timeout(Some(Duration::from_millis(NATS_REQUEST_MS_MAX)))
        .reconnect_delay_callback(reconnect_pause)
        .event_callback(move |event| {
            if !dropped.is_cancelled() {
                report(&event, &status, &metrics, &notify);
            }
            std::future::ready(())
        });
    let servers: Vec<ServerAddr> = spec
        .servers
        .iter()
        .map(|url| address(url))
        .collect::<Result<_, _>>()
        .map_err(configured)?;
    match session.stop.run_until_cancelled(options.connect(servers)).await {
        None => Ok(None),
        Some(Ok(client)) => Ok(Some(Connection {
            client,
            reconnected,
            _reporting: reporting,
        })),
        Some(Err(error)) => {
            let shown: Vec<String> = spec.servers.iter().map(|url| without_login(url)).collect();
            Err(SourceError::outside(
                format!("connecting to {}", shown.join(", ")),
                error,
            ))
        }
    }
}

/// The first server, without login, as the authority of a wrapped message's source.
pub(super) fn authority(spec: &NatsSpec) -> String {
    let first = spec.servers.first().and_then(|url| address(url).ok());
    first.map_or_else(
        || "localhost:4222".to_owned(),
        |address| format!("{}:{}", address.host(), address.port()),
    )
}

fn options(spec: &NatsSpec) -> Result<ConnectOptions, NatsSpecError> {
    let options = ConnectOptions::new();
    Ok(match &spec.auth {
        NatsAuth::None => options,
        NatsAuth::Password { user, password } => {
            options.user_and_password(user.clone(), password.expose().to_owned())
        }
        NatsAuth::Token(token) => options.token(token.expose().to_owned()),
        NatsAuth::Credentials(content) => options
            .credentials(content.expose())
            .map_err(|error| NatsSpecError::Credentials(error.to_string()))?,
    })
}

fn address(url: &str) -> Result<ServerAddr, NatsSpecError> {
    url.parse()
        .map_err(|error: std::io::Error| NatsSpecError::Server {
            url: without_login(url),
            reason: error.to_string(),
        })
}

/// What stands before an `@` in the authority is left out.
fn without_login(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

fn check_subject(subject: &str) -> Result<(), NatsSpecError> {
    let is_token =
        |token: &str| !token.is_empty() && !token.contains(|c: char| c.is_whitespace() || c.is_control());
    let tail_is_last = subject.split('.').rev().skip(1).all(|token| token != ">");
    let is_subject = subject.split('.').all(is_token) && tail_is_last;
    if is_subject {
        Ok(())
    } else {
        Err(NatsSpecError::Subject(subject.to_owned()))
    }
}

fn check_name(name: &str) -> Result<(), NatsSpecError> {
    let illegal = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>' | '/' | '\\');
    if name.is_empty() || name.contains(illegal) {
        Err(NatsSpecError::Name(name.to_owned()))
    } else {
        Ok(())
    }
}

fn tls_config(tls: &NatsTls) -> Result<ClientConfig, NatsSpecError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = &tls.ca {
        roots.add_parsable_certificates(certificates("authority's certificate", pem)?);
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    match (&tls.certificate, &tls.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let unreadable = |what, reason: String| NatsSpecError::Pem { what, reason };
            let chain = certificates("certificate", certificate)?;
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                .map_err(|error| unreadable("key", error.to_string()))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| unreadable("key", error.to_string()))
        }
        (Some(_), None) | (None, Some(_)) => Err(NatsSpecError::HalfCertificate),
    }
}

fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, NatsSpecError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let unreadable = |reason: String| NatsSpecError::Pem { what, reason };
    let chain = chain.map_err(|error| unreadable(error.to_string()))?;
    if chain.is_empty() {
        Err(unreadable("it holds no certificate in PEM form".to_owned()))
    } else {
        Ok(chain)
    }
}

fn reconnect_pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1))
        .unwrap_or(u32::MAX)
        .min(16);
    Duration::from_millis((RESTART_PAUSE_MS_MIN << doublings).min(RESTART_PAUSE_MS_MAX))
}

fn report(event: &Event, status: &Reporter, metrics: &SourceMetrics, reconnected: &Notify) {
    match event {
        Event::Connected => {
            status.running();
            reconnected.notify_one();
        }
        Event::Disconnected | Event::Closed => status.failing("the connection to NATS is lost"),
        Event::SlowConsumer(_) => {
            metrics.dropped.inc();
            status.notice("core NATS dropped messages because they came faster than they could be stored");
        }
        Event::ServerError(ServerError::AuthorizationViolation) => status.failing("NATS refuses the login"),
        Event::ServerError(error) => status.failing(format!("NATS says: {error}")),
        Event::ClientError(ClientError::Other(error)) => {
            status.failing(format!("the connection to NATS: {error}"));
        }
        Event::ClientError(error) => status.failing(error.to_string()),
        Event::LameDuckMode | Event::Draining => {}
    }
}

#[cfg(test)]
mod tests;
