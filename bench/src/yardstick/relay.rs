//! A bare hyper server that hands each body to a bare hyper-util client, and answers 202 when it has: what an event costs
//! from end to end without a disk, a filter or a second chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::http1::{Answer, answer, body, serve};
use super::post::{HttpClient, client, send};
use crate::cli::RelayArgs;

/// Events between the server and each task of the client; with more the server waits.
const BETWEEN: usize = 16;

/// What the client has to post.
#[derive(Debug)]
struct Handed {
    id: String,
    data: Bytes,
}

/// The tasks of the client, each with a queue of its own: one that they shared would have a lock that they wait for.
#[derive(Debug)]
struct Tasks {
    queues: Vec<mpsc::Sender<Handed>>,
    turn: AtomicUsize,
}

/// # Errors
/// When it cannot listen.
pub(crate) async fn run(args: RelayArgs) -> Result<()> {
    let uri: http::Uri = format!("http://{}/", args.to).parse()?;
    let client = client();
    let mut queues = Vec::with_capacity(args.in_flight);
    for _ in 0..args.in_flight.max(1) {
        let (sender, receiver) = mpsc::channel(BETWEEN);
        queues.push(sender);
        tokio::spawn(forward(client.clone(), uri.clone(), receiver));
    }
    let turn = AtomicUsize::new(0);
    let tasks = Arc::new(Tasks { queues, turn });
    serve(move |request| hand_over(request, Arc::clone(&tasks))).await
}

async fn hand_over(request: Request<Incoming>, tasks: Arc<Tasks>) -> Answer {
    let id = request.headers().get("ce-id").and_then(|id| id.to_str().ok());
    let id = id.unwrap_or_default().to_owned();
    let Some(data) = body(request).await else {
        return answer(StatusCode::BAD_REQUEST);
    };
    let turn = tasks.turn.fetch_add(1, Ordering::Relaxed) % tasks.queues.len();
    match tasks.queues[turn].send(Handed { id, data }).await {
        Ok(()) => answer(StatusCode::ACCEPTED),
        Err(_) => answer(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn forward(client: HttpClient, uri: http::Uri, mut queue: mpsc::Receiver<Handed>) {
    while let Some(Handed { id, data }) = queue.recv().await {
        // What is lost here is missing in the sink's count, and fails the scenario.
        drop(send(&client, &uri, &id, data).await);
    }
}
