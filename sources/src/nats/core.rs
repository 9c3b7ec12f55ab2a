//! Reads a core NATS subject. At most once by nature: see the module above.

use async_nats::{Client, Message, Subscriber};
use futures_util::{FutureExt, StreamExt};
use prometheus_client::metrics::counter::Counter;

use super::message::Wrapping;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use crate::source::{Session, SourceError};

/// Messages that have come. What is left of them when it goes away is lost, since the server has them no more: it is
/// counted.
struct Inbox {
    messages: Subscriber,
    /// Taken out and not stored yet.
    in_hand: u64,
    lost: Counter,
}

/// Stores what comes until told to stop; then what has come already.
pub(super) async fn read(
    client: &Client,
    subject: &str,
    queue_group: Option<&str>,
    wrapping: &Wrapping,
    session: &Session,
) -> Result<(), SourceError> {
    let subscribed = match queue_group {
        Some(group) => client.queue_subscribe(subject.to_owned(), group.to_owned()).await,
        None => client.subscribe(subject.to_owned()).await,
    };
    let doing = || format!("subscribing to `{subject}`");
    let messages = subscribed.map_err(|error| SourceError::outside(doing(), error))?;
    let mut inbox = Inbox {
        messages,
        in_hand: 0,
        lost: session.metrics.lost.clone(),
    };
    // The subscription is on its way only; after this it has arrived.
    client
        .flush()
        .await
        .map_err(|error| SourceError::outside(doing(), error))?;
    session.status.running();
    loop {
        let next = session.stop.run_until_cancelled(inbox.messages.next()).await;
        let Some(next) = next else { break };
        let Some(message) = next else {
            return Err(SourceError::outside(
                doing(),
                "the subscription was closed by the server",
            ));
        };
        store(message, &mut inbox, wrapping, session).await?;
    }
    // Nothing new comes in after this; what has come already is stored.
    inbox
        .messages
        .unsubscribe()
        .await
        .map_err(|error| SourceError::outside("unsubscribing", error))?;
    while let Some(message) = inbox.messages.next().await {
        store(message, &mut inbox, wrapping, session).await?;
    }
    Ok(())
}

/// Stores a message and those that are there already behind it, as one batch.
async fn store(
    first: Message,
    inbox: &mut Inbox,
    wrapping: &Wrapping,
    session: &Session,
) -> Result<(), SourceError> {
    inbox.in_hand = 1;
    let mut events = vec![wrapping.event(&first, None, session)?];
    let mut bytes = first.length;
    while events.len() < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX {
        let Some(Some(message)) = inbox.messages.next().now_or_never() else {
            break;
        };
        inbox.in_hand += 1;
        bytes += message.length;
        events.push(wrapping.event(&message, None, session)?);
    }
    session.intake.store(events, None).await?;
    inbox.in_hand = 0;
    Ok(())
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let mut lost = self.in_hand;
        while let Some(Some(_)) = self.messages.next().now_or_never() {
            lost += 1;
        }
        if lost > 0 {
            self.lost.inc_by(lost);
            tracing::warn!(
                lost,
                "messages of core NATS that had come are not stored and are lost"
            );
        }
    }
}
