//! The same as `checks` for readers in the crates that stand on the engine, which take minutes to build.

use std::sync::Arc;

use broker::embedded::Embedded;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use journal::sim::SimFs;
use journal::{Journal, Options};

use crate::checks::Check;
use crate::checks::disk::{append, entry};

/// All of them.
pub const ALL: [Check; 2] = [("state", state), ("values", values)];

/// State records (kind, two bytes of length, payload) that carry the right checksum and any content. The engine opens on
/// them or says what it cannot read.
pub fn state(data: &[u8]) {
    let fs = SimFs::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = folder.path().canonicalize().expect("it is there");
    let (journal, _) = Journal::open(
        Arc::new(fs.clone()),
        Options {
            segment_bytes: 1 << 20,
            ..Options::new(directory.join("journal"))
        },
        None,
    )
    .expect("a new journal");
    let mut rest = data;
    while let Some(([kind, low, high], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        // Kinds below 64 are what a state stream may hold; streams above it are events and dead letters.
        let stream = if *kind == 32 {
            17
        } else {
            u64::from(*kind == 1) * 16
        };
        let payload = Bytes::copy_from_slice(&after[..length]);
        append(&journal, vec![entry(stream, *kind, payload)]).expect("a healthy disk");
        rest = &after[length..];
    }
    journal.close();
    drop(journal);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let options = broker::embedded::Options {
            segment_bytes: 1 << 20,
            file_system: Arc::new(fs),
            ..broker::embedded::Options::new(&directory)
        };
        if let Ok((engine, _)) = Embedded::open(options).await {
            drop(engine.subscriptions());
            drop(engine.brokers());
            engine.close().await;
        }
    });
}

/// Small values from outside: a schedule, `Retry-After`, a JSON pointer, a duration, a filter.
pub fn values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(schedule) = sources::Schedule::parse(text, None) {
        let from = broker::Timestamp(1_700_000_000_000);
        assert!(schedule.next_after(from) > Some(from), "a tick lies ahead");
    }
    if let Ok(value) = HeaderValue::from_str(text) {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]);
        let now = broker::Timestamp(1_700_000_000_000);
        let _ = dispatcher::retry_after::retry_after(StatusCode::SERVICE_UNAVAILABLE, &headers, now);
    }
    let of_filters = schemas::filter::Pointer::try_from(text.to_owned());
    assert_eq!(of_filters.is_ok(), sources::Pick::pointer(text).is_ok());
    let quoted = format!("{text:?}");
    schemas::resources::decode(
        "fuzz.yaml",
        &format!(
            "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {{name: t}}\nspec:\n  broker: b\n  \
             filter: {{attributes: {{type: {quoted}}}}}\n  subscriber: {{uri: {quoted}}}\n  \
             delivery: {{retry: 1, backoffDelay: {quoted}, timeout: {quoted}}}\n"
        ),
    );
}
