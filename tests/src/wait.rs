//! Waiting for conditions with a deadline, so that no test sleeps and hopes.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// How long a test waits for what must happen: generous, because a busy two-core machine must not fail a right program.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Like [`PATIENCE`], for what waits for several retries.
pub const RETRY_PATIENCE: Duration = Duration::from_secs(90);

/// How often a condition that cannot notify is looked at again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Looks at `condition` until it yields a value; panics naming `what` when `deadline` passes first.
pub async fn eventually<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    eventually_async(what, deadline, || std::future::ready(condition())).await
}

/// Like [`eventually`], for a condition that itself awaits.
pub async fn eventually_async<T, F>(what: &str, deadline: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
