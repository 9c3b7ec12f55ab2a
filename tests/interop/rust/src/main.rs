//! A client of heddle made of the crate `cloudevents-sdk` with its binding for reqwest. What it says and hears on its
//! standard streams is told in ../../python/peer.py.

use std::convert::Infallible;
use std::error::Error;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cloudevents::binding::reqwest::{RequestBuilderExt, RequestSerializer};
use cloudevents::event::{AttributeValue, ExtensionValue};
use cloudevents::message::StructuredDeserializer;
use cloudevents::{Data, Event, EventBuilder, EventBuilderV10};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;

type Failed = Box<dyn Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!(
        "{}",
        json!({"sink": format!("http://{}", listener.local_addr()?)})
    );
    tokio::spawn(serve(listener));
    let client = reqwest::Client::new();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let told = match send(&client, &serde_json::from_str(&line)?).await {
            Ok(status) => json!({"status": status}),
            Err(error) => json!({"error": error.to_string()}),
        };
        println!("{told}");
    }
    Ok(())
}

async fn send(client: &reqwest::Client, command: &Value) -> Result<u16, Failed> {
    let request = client.post(text(&command["url"])?);
    let mut events = Vec::new();
    for event in command["events"].as_array().ok_or("no events")? {
        events.push(made(event)?);
    }
    let request = match text(&command["mode"])? {
        "batch" => request.events(events)?,
        "binary" => request.event(events.remove(0))?,
        _ => {
            let serializer = RequestSerializer::new(request);
            StructuredDeserializer::deserialize_structured(events.remove(0), serializer)?
        }
    };
    Ok(request.send().await?.status().as_u16())
}

fn made(event: &Value) -> Result<Event, Failed> {
    let attributes = event["attributes"].as_object().ok_or("no attributes")?;
    let mut builder = EventBuilderV10::new();
    let mut media_type = None;
    let mut schema = None;
    for (name, value) in attributes {
        builder = match (name.as_str(), value) {
            ("specversion", _) => builder,
            ("id", id) => builder.id(text(id)?),
            ("type", ty) => builder.ty(text(ty)?),
            ("source", source) => builder.source(text(source)?),
            ("subject", subject) => builder.subject(text(subject)?),
            ("time", time) => builder.time(text(time)?),
            ("datacontenttype", it) => {
                media_type = Some(text(it)?);
                builder
            }
            ("dataschema", it) => {
                schema = Some(text(it)?);
                builder
            }
            (name, Value::Bool(value)) => builder.extension(name, *value),
            (name, Value::Number(value)) => builder.extension(name, value.as_i64().ok_or("no integer")?),
            (name, value) => builder.extension(name, text(value)?),
        };
    }
    let data = data_in(&event["data"])?;
    let builder = match (media_type, schema, data.clone()) {
        (Some(media_type), Some(schema), Some(data)) => builder.data_with_schema(media_type, schema, data),
        (Some(media_type), None, Some(data)) => builder.data(media_type, data),
        _ => builder,
    };
    let mut event = builder.build()?;
    if let (None, Some(data)) = (media_type, data) {
        event.set_data_unchecked(data);
    }
    Ok(event)
}

fn data_in(data: &Value) -> Result<Option<Data>, Failed> {
    let Some((kind, value)) = data.as_object().and_then(|data| data.iter().next()) else {
        return Ok(None);
    };
    let value = text(value)?;
    Ok(Some(match kind.as_str() {
        "json" => Data::Json(serde_json::from_str(value)?),
        "text" => Data::String(value.to_owned()),
        _ => Data::Binary(BASE64_STANDARD.decode(value)?),
    }))
}

async fn serve(listener: TcpListener) {
    while let Ok((connection, _)) = listener.accept().await {
        let connection = TokioIo::new(connection);
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(connection, service_fn(take)),
        );
    }
}

async fn take(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let read = match body.collect().await {
        Ok(body) => read(parts.headers, &body.to_bytes()),
        Err(error) => Err(error.into()),
    };
    println!(
        "{}",
        match read {
            Ok(event) => json!({"path": path, "event": event}),
            Err(error) => json!({"path": path, "error": error.to_string()}),
        }
    );
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// The binding reads responses; a request's headers and body read the same.
fn read(headers: HeaderMap, body: &[u8]) -> Result<Value, Failed> {
    let mut message = Response::new(body.to_vec());
    *message.headers_mut() = headers;
    let event = Event::try_from(message)?;
    let mut attributes = Map::new();
    for (name, value) in event.iter_attributes() {
        attributes.insert(
            name.to_owned(),
            match value {
                AttributeValue::Time(time) => json!(time.timestamp_millis()),
                AttributeValue::Boolean(value) => json!(value),
                AttributeValue::Integer(value) => json!(value),
                other => json!(other.to_string()),
            },
        );
    }
    for (name, value) in event.iter_extensions() {
        attributes.insert(
            name.to_owned(),
            match value {
                ExtensionValue::Boolean(value) => json!(value),
                ExtensionValue::Integer(value) => json!(value),
                ExtensionValue::String(value) => json!(value),
            },
        );
    }
    let data = match event.data() {
        None => Value::Null,
        Some(Data::Json(value)) => json!({"json": value.to_string()}),
        Some(Data::String(text)) => json!({"text": text}),
        Some(Data::Binary(bytes)) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
    };
    Ok(json!({"attributes": attributes, "data": data}))
}

fn text(value: &Value) -> Result<&str, Failed> {
    value.as_str().ok_or_else(|| format!("no text: {value}").into())
}
