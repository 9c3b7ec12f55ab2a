//! A sink's accept loop and its connections, plain or TLS.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::{Received, State};

/// How accepted connections are spoken to.
#[derive(Clone)]
pub(super) enum Acceptor {
    Plain,
    Tls(TlsAcceptor),
}

impl Acceptor {
    /// TLS for `localhost` by an authority of its own, and that authority's certificate as PEM.
    pub(super) fn tls() -> (Self, String) {
        let authority_key = KeyPair::generate().expect("a key can be made");
        let mut authority = CertificateParams::new(Vec::new()).expect("no names to check");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_pem = authority
            .self_signed(&authority_key)
            .expect("the key signs")
            .pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("a key can be made");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).expect("the names are valid");
        let certificate = params.signed_by(&key, &issuer).expect("the authority signs");
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows today's versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .expect("the certificate fits its key");
        (Self::Tls(TlsAcceptor::from(Arc::new(config))), authority_pem)
    }

    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls(_) => "https",
        }
    }
}

/// Accepts until it is dropped; its connections end with it.
pub(super) async fn serve(listener: TcpListener, acceptor: Acceptor, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("a listening socket accepts");
        connections.spawn(connection(stream, acceptor.clone(), Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, acceptor: Acceptor, state: Arc<State>) {
    stream
        .set_nodelay(true)
        .expect("a connected socket takes options");
    match acceptor {
        Acceptor::Plain => speak(stream, state).await,
        Acceptor::Tls(acceptor) => {
            // A client that does not trust us breaks the handshake: the test looks at what that client says.
            if let Ok(stream) = acceptor.accept(stream).await {
                speak(stream, state).await;
            }
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let service = service_fn(|request| answer(request, Arc::clone(&state)));
    let builder = Builder::new(TokioExecutor::new());
    // A broken connection is the other side's to report.
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        // The request broke off: it never came, and nobody reads the answer.
        return Ok(Response::new(Full::default()));
    };
    let path = parts
        .uri
        .path_and_query()
        .map_or_else(String::new, |path| path.as_str().to_owned());
    let (method, headers, body) = (parts.method, parts.headers, body.to_bytes());
    let answer = state.take(Received {
        at: Instant::now(),
        method,
        path,
        headers,
        body,
    });
    if answer.hangs {
        std::future::pending::<()>().await;
    }
    if !answer.after.is_zero() {
        tokio::time::sleep(answer.after).await;
    }
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}
