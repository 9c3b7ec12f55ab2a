//! What the ingress hands webhook requests to.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::{Accepted, Batch, Quarantined, Verdict};
use bytes::Bytes;
use http::HeaderMap;
use schemas::names::ResourceName;
use uuid::Uuid;

use super::{Arrival, WebhookError, WebhookSpec};
use crate::intake;
use crate::source::Session;
use crate::supervisor::StartError;

/// All webhooks by path. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    by_path: Arc<BTreeMap<String, Webhook>>,
}

/// One WebhookSource at work: called by the ingress, it needs no task of its own.
#[derive(Debug)]
pub(crate) struct Webhook {
    name: ResourceName,
    spec: WebhookSpec,
    session: Session,
}

impl Webhooks {
    pub(crate) fn new(webhooks: Vec<Webhook>) -> Result<Self, StartError> {
        let mut by_path: BTreeMap<String, Webhook> = BTreeMap::new();
        for webhook in webhooks {
            let path = webhook.spec.path.clone();
            if let Some(first) = by_path.get(&path) {
                return Err(StartError::SamePath {
                    path,
                    first: first.name.clone(),
                    second: webhook.name,
                });
            }
            by_path.insert(path, webhook);
        }
        for webhook in by_path.values() {
            webhook.session.status.running();
        }
        Ok(Self {
            by_path: Arc::new(by_path),
        })
    }

    /// Whether a webhook listens on this path.
    #[must_use]
    pub fn listens(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// Stores what a POST to this path says. `Ok` only when it is durable.
    ///
    /// # Errors
    /// [`WebhookError`] with the status to answer; nothing is stored then.
    pub async fn accept(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Accepted, WebhookError> {
        let webhook = self.by_path.get(path).ok_or_else(|| WebhookError::UnknownPath {
            path: path.to_owned(),
        })?;
        webhook.accept(headers, &body).await
    }

    /// Whether a request may post here, by its headers alone: asked before its body is taken into memory.
    ///
    /// # Errors
    /// [`WebhookError::UnknownPath`], [`WebhookError::Unauthorized`].
    pub fn authorize(&self, path: &str, headers: &HeaderMap) -> Result<(), WebhookError> {
        let webhook = self.by_path.get(path).ok_or_else(|| WebhookError::UnknownPath {
            path: path.to_owned(),
        })?;
        webhook.spec.check_auth(headers)
    }

    /// Tells that nothing more will come.
    pub(crate) fn stopped(&self) {
        for webhook in self.by_path.values() {
            webhook.session.status.stopped();
        }
    }
}

impl Webhook {
    pub(crate) fn new(name: ResourceName, spec: WebhookSpec, session: Session) -> Self {
        Self { name, spec, session }
    }

    /// The sender waits for the answer, so pressure goes back to it at once instead of being waited out here.
    async fn accept(&self, headers: &HeaderMap, body: &Bytes) -> Result<Accepted, WebhookError> {
        let Session {
            intake,
            clock,
            limits,
            ..
        } = &self.session;
        let arrival = Arrival {
            at: clock.now(),
            id: Uuid::new_v4(),
        };
        let event = self.spec.event(&self.name, headers, body, arrival, limits)?;
        let event = intake.overridden(event)?;
        let verdict = intake.schemas().check(intake.broker(), &event);
        let bytes = event.size();
        let permit = Some(intake.admission().try_admit(bytes)?);
        let hops = intake::hops(&event);
        let (events, quarantined) = match verdict {
            Verdict::Fits => (vec![event], Vec::new()),
            Verdict::Quarantined(mismatch) => (Vec::new(), vec![Quarantined { event, mismatch }]),
            Verdict::Refused(mismatch) => return Err(mismatch.into()),
        };
        let stored = events.len();
        let batch = Batch {
            events,
            quarantined,
            hops,
            source_state: None,
            permit,
        };
        let accepted = intake.engine().append(intake.broker(), batch).await?;
        if stored > 0 {
            intake.count(stored, bytes, &accepted);
        }
        Ok(accepted)
    }
}
