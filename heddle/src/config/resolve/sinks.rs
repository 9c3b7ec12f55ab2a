//! Destinations and endpoints -> sinks: absolute URLs, headers and certificates.

use http::HeaderValue;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use schemas::names::ResourceName;
use schemas::resources::Kind;
use schemas::resources::destination::{Destination, Reference, ReferenceKind, Target};
use schemas::resources::endpoint::{Address, Pace, Server};
use schemas::resources::value::Value;
use schemas::yaml::{Located, Problem};
use url::Url;

use super::Resolver;
use crate::config::plan::{HttpSink, Sink};

impl Resolver<'_> {
    /// What a destination names, or none and a problem, unless what it names has problems of its own.
    pub(super) fn sink(&mut self, destination: &Destination) -> Option<Sink> {
        let ca_certs = destination.ca_certs.as_ref().map(|value| self.ca_certs(value));
        let sink = match &destination.target {
            Target::Uri(uri) => self.url_sink(uri),
            Target::Ref { reference, path } => {
                let sink = self.referenced(reference)?;
                match path {
                    Some(path) => self.with_path(sink, path),
                    None => Some(sink),
                }
            }
        }?;
        match (sink, ca_certs) {
            (sink, None) => Some(sink),
            (_, Some(None)) => None,
            (Sink::Http(http), Some(ca_certs)) => Some(Sink::Http(Box::new(HttpSink { ca_certs, ..*http }))),
            (sink, Some(Some(_))) => {
                let message = "CACerts have no effect here: nothing is sent over TLS";
                self.problems.push(Problem::warning(&destination.place, message));
                Some(sink)
            }
        }
    }

    /// What an endpoint is.
    pub(super) fn endpoint_sink(&mut self, name: &ResourceName, address: &Address) -> Option<Sink> {
        let server = match address {
            Address::Echo => return Some(Sink::Echo(name.clone())),
            Address::Server(server) => server,
        };
        let url = self.http_url(&server.url);
        let headers = self.headers(server);
        let ca_certs = server.ca_certs.as_ref().map(|value| self.ca_certs(value));
        Some(Sink::Http(Box::new(HttpSink {
            label: name.name().to_owned(),
            endpoint: Some(name.clone()),
            url: url?,
            headers: headers?,
            ca_certs: match ca_certs {
                None => None,
                Some(checked) => Some(checked?),
            },
            concurrency: server.concurrency,
            pace: server.pace.clone(),
        })))
    }

    fn headers(&mut self, server: &Server) -> Option<Vec<(http::HeaderName, HeaderValue)>> {
        let mut headers = Vec::new();
        for (name, value) in &server.headers {
            let Some(text) = self.text(value) else { continue };
            match HeaderValue::try_from(text) {
                Ok(mut header) => {
                    header.set_sensitive(true);
                    headers.push((name.clone(), header));
                }
                Err(_) => {
                    let message = format!("{} holds characters that a header cannot", value.place.path);
                    self.problems.push(Problem::error(&value.place, message));
                }
            }
        }
        (headers.len() == server.headers.len()).then_some(headers)
    }

    fn referenced(&mut self, reference: &Reference) -> Option<Sink> {
        let Reference { kind, name, place } = reference;
        let served_by = kind.served_by();
        if *kind == ReferenceKind::Service && !self.catalogue.has(served_by, name) {
            let message = format!(
                "no Endpoint stands for the Service \"{}\" in namespace \"{}\"",
                name.name(),
                name.namespace()
            );
            let problem = Problem::error(place, message).with_help(self.catalogue.advice(served_by, name));
            self.problems.push(problem);
            return None;
        }
        if !self.catalogue.expect(served_by, name, place, &mut self.problems) {
            return None;
        }
        match served_by {
            Kind::Broker => Some(Sink::Broker(name.clone())),
            _ => self.endpoints.get(name).cloned().flatten(),
        }
    }

    /// The same server at a path, resolved as RFC 3986 section 5 says.
    fn with_path(&mut self, sink: Sink, path: &Located<String>) -> Option<Sink> {
        let what = match sink {
            Sink::Http(http) => match http.url.join(&path.value) {
                Ok(url) => {
                    let label = format!("{}{}", http.label, url.path());
                    return Some(Sink::Http(Box::new(HttpSink { label, url, ..*http })));
                }
                Err(error) => {
                    self.problems.push(Problem::error(
                        &path.place,
                        format!("{} is not a path: {error}", path.place.path),
                    ));
                    return None;
                }
            },
            Sink::Broker(_) => "a Broker",
            Sink::Echo(_) => "a built-in endpoint",
        };
        let message = format!("{} has no effect: {what} has no paths", path.place.path);
        self.problems
            .push(Problem::error(&path.place, message).with_help("take the uri out"));
        None
    }

    fn url_sink(&mut self, uri: &Value) -> Option<Sink> {
        let url = self.http_url(uri)?;
        let label = label(&url);
        let (headers, endpoint) = (Vec::new(), None);
        Some(Sink::Http(Box::new(HttpSink {
            label,
            endpoint,
            url,
            headers,
            ca_certs: None,
            concurrency: None,
            pace: Pace::default(),
        })))
    }

    /// An absolute `http` or `https` URL.
    fn http_url(&mut self, value: &Value) -> Option<Url> {
        let text = self.text(value)?;
        let has_no_host = text
            .split_once("://")
            .is_some_and(|(_, rest)| rest.starts_with(['/', '?', '#']));
        let why = match Url::parse(&text) {
            // The URL standard would take the first part of the path for the host.
            Ok(_) if has_no_host => "it has no host".to_owned(),
            Ok(url) if matches!(url.scheme(), "http" | "https") => return Some(url),
            Ok(url) => format!("its scheme is {}", url.scheme()),
            Err(error) => error.to_string(),
        };
        let message = format!("{} is not an absolute http or https URL: {why}", value.place.path);
        self.problems
            .push(Problem::error(&value.place, message).with_help("write it as http://host:port/path"));
        None
    }

    /// PEM text with at least one certificate.
    pub(super) fn ca_certs(&mut self, value: &Value) -> Option<String> {
        let text = self.text(value)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let why = match certificates {
            Ok(certificates) if !certificates.is_empty() => return Some(text),
            Ok(_) => "it holds none".to_owned(),
            Err(error) => error.to_string(),
        };
        let message = format!("{} must be certificates in PEM: {why}", value.place.path);
        let help = "paste from -----BEGIN CERTIFICATE----- on, or name a file: {file: ca.pem}";
        self.problems
            .push(Problem::error(&value.place, message).with_help(help));
        None
    }
}

/// A URL for people: without user, query and fragment, which may hold secrets.
fn label(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}
