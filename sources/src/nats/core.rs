//! Reads a core NATS subject. At most once by nature: see the module above.

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;

use super::message::Wrapping;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use crate::source::{Session, SourceError};

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
    let mut messages = subscribed.map_err(|error| SourceError::outside(doing(), error))?;
    // The subscription is on its way only; after this it has arrived.
    client
        .flush()
        .await
        .map_err(|error| SourceError::outside(doing(), error))?;
    session.status.running();
    loop {
        let next = session.stop.run_until_cancelled(messages.next()).await;
        let Some(next) = next else { break };
        let Some(message) = next else {
            return Err(SourceError::outside(
                doing(),
                "the subscription was closed by the server",
            ));
        };
        store(message, &mut messages, wrapping, session).await?;
    }
    // Nothing new comes in after this; what has come already is stored.
    messages
        .unsubscribe()
        .await
        .map_err(|error| SourceError::outside("unsubscribing", error))?;
    while let Some(message) = messages.next().await {
        store(message, &mut messages, wrapping, session).await?;
    }
    Ok(())
}

/// Stores a message and those that are there already behind it, as one batch.
async fn store(
    first: Message,
    messages: &mut Subscriber,
    wrapping: &Wrapping,
    session: &Session,
) -> Result<(), SourceError> {
    let mut events = vec![wrapping.event(&first, None, session)?];
    let mut bytes = first.length;
    while events.len() < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX {
        let Some(Some(message)) = futures_util::FutureExt::now_or_never(messages.next()) else {
            break;
        };
        bytes += message.length;
        events.push(wrapping.event(&message, None, session)?);
    }
    session.intake.store(events, None).await?;
    Ok(())
}
