//! Appends the body to a preallocated file and answers 202 after a shared `fdatasync`: what durable ingest costs
//! without parsing, framing, checksums, routing, or anyone who could read it again.
//!
//! The file is full of zeros and is written round and round, so that no sync waits for the file system to allocate
//! anything.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::http1::{Answer, answer, body, serve};
use crate::cli::FsyncArgs;

/// Bodies that wait for the writer.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    some: Condvar,
}

/// A body, and whom to tell when it is on disk.
#[derive(Debug)]
struct Waiting {
    body: Bytes,
    done: oneshot::Sender<()>,
}

/// # Errors
/// When the file cannot be opened or the port not be had.
pub(crate) async fn run(args: FsyncArgs) -> Result<()> {
    let said = || args.file.display().to_string();
    let file = File::options().write(true).open(&args.file).with_context(said)?;
    let size = file.metadata()?.len();
    let queue = Arc::new(Queue::default());
    let writer = Arc::clone(&queue);
    thread::Builder::new().name("writer".to_owned()).spawn(move || {
        if let Err(error) = write(&file, size, &writer) {
            eprintln!("the file cannot be written: {error}");
            std::process::exit(1);
        }
    })?;
    serve(move |request| store(request, Arc::clone(&queue))).await
}

async fn store(request: Request<Incoming>, queue: Arc<Queue>) -> Answer {
    let Some(body) = body(request).await else {
        return answer(StatusCode::BAD_REQUEST);
    };
    let (done, synced) = oneshot::channel();
    queue.waiting.lock().push(Waiting { body, done });
    queue.some.notify_one();
    match synced.await {
        Ok(()) => answer(StatusCode::ACCEPTED),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// All that waits is one write and one sync.
fn write(file: &File, size: u64, queue: &Queue) -> std::io::Result<()> {
    let (mut group, mut bytes, mut offset) = (Vec::new(), Vec::new(), 0);
    loop {
        {
            let mut waiting = queue.waiting.lock();
            queue.some.wait_while(&mut waiting, |waiting| waiting.is_empty());
            std::mem::swap(&mut *waiting, &mut group);
        }
        bytes.clear();
        for waiting in &group {
            bytes.extend_from_slice(&waiting.body);
        }
        if offset + bytes.len() as u64 > size {
            offset = 0;
        }
        file.write_all_at(&bytes, offset)?;
        file.sync_data()?;
        offset += bytes.len() as u64;
        for waiting in group.drain(..) {
            // Who has gone away needs no answer.
            let _ = waiting.done.send(());
        }
    }
}
