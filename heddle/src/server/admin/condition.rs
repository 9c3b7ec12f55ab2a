//! Conditions, as Kubernetes' resources show them.

use serde::Serialize;

/// One condition; the one of type `Ready` sums the others up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Condition {
    r#type: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Condition {
    /// All is well.
    pub(super) fn ready() -> Self {
        Self {
            r#type: "Ready",
            status: "True",
            reason: None,
            message: None,
        }
    }

    /// `reason` is one word for machines, `message` a sentence for people.
    pub(super) fn not_ready(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            r#type: "Ready",
            status: "False",
            reason: Some(reason),
            message: Some(message.into()),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        self.status == "True"
    }
}
