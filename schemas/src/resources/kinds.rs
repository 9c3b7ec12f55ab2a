//! Which kinds are served here, which are known and do nothing, and which are refused by name.

use std::fmt;

use serde::Serialize;

/// A kind that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Kind {
    /// `eventing.knative.dev/v1` Broker.
    Broker,
    /// `eventing.knative.dev/v1` Trigger.
    Trigger,
    /// `sources.knative.dev/v1` PingSource.
    PingSource,
    /// `sources.knative.dev/v1` KafkaSource.
    KafkaSource,
    /// `heddle.dev/v1` NatsSource.
    NatsSource,
    /// `heddle.dev/v1` WebhookSource.
    WebhookSource,
    /// `heddle.dev/v1` Endpoint.
    Endpoint,
    /// `heddle.dev/v1` Schema.
    Schema,
    /// `eventing.knative.dev/v1beta1` to `v1beta3` EventType.
    EventType,
    /// `v1` Secret.
    Secret,
    /// `v1` ConfigMap.
    ConfigMap,
}

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is read.
    Served(Kind),
    /// It is Kubernetes' list of other resources.
    List,
    /// It is known and does nothing here.
    Idle,
    /// It is known and ignoring it would be unsafe: the reason.
    Refused(&'static str),
    /// The kind is served, under these versions only.
    OtherVersion(&'static [&'static str]),
    /// Nobody knows it.
    Unknown,
}

const SERVED: &[(Kind, &[&str])] = &[
    (Kind::Broker, &["eventing.knative.dev/v1"]),
    (Kind::Trigger, &["eventing.knative.dev/v1"]),
    (Kind::PingSource, &["sources.knative.dev/v1"]),
    (
        Kind::KafkaSource,
        &["sources.knative.dev/v1", "sources.knative.dev/v1beta1"],
    ),
    (Kind::NatsSource, &["heddle.dev/v1"]),
    (Kind::WebhookSource, &["heddle.dev/v1"]),
    (Kind::Endpoint, &["heddle.dev/v1"]),
    (Kind::Schema, &["heddle.dev/v1"]),
    (
        Kind::EventType,
        &[
            "eventing.knative.dev/v1beta3",
            "eventing.knative.dev/v1beta2",
            "eventing.knative.dev/v1beta1",
        ],
    ),
    (Kind::Secret, &["v1"]),
    (Kind::ConfigMap, &["v1"]),
];

/// Kinds of Kubernetes and Knative, by API group (without version; "" is the core group), that do nothing here.
const IDLE: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Namespace",
            "Service",
            "ServiceAccount",
            "Pod",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "ReplicationController",
            "Endpoints",
            "Event",
            "LimitRange",
            "Node",
            "PodTemplate",
            "ResourceQuota",
        ],
    ),
    (
        "apps",
        &[
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "ReplicaSet",
            "ControllerRevision",
        ],
    ),
    ("batch", &["Job", "CronJob"]),
    ("autoscaling", &["HorizontalPodAutoscaler"]),
    ("policy", &["PodDisruptionBudget"]),
    ("networking.k8s.io", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    (
        "gateway.networking.k8s.io",
        &["Gateway", "GatewayClass", "HTTPRoute"],
    ),
    (
        "rbac.authorization.k8s.io",
        &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    (
        "admissionregistration.k8s.io",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    ),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("storage.k8s.io", &["StorageClass"]),
    (
        "serving.knative.dev",
        &["Service", "Configuration", "Revision", "Route", "DomainMapping"],
    ),
    (
        "eventing.knative.dev",
        &[
            "EventTransform",
            "RequestReply",
            "KafkaSink",
            "RabbitmqBrokerConfig",
        ],
    ),
    (
        "messaging.knative.dev",
        &[
            "Channel",
            "Subscription",
            "InMemoryChannel",
            "KafkaChannel",
            "NatsJetStreamChannel",
        ],
    ),
    ("flows.knative.dev", &["Sequence", "Parallel"]),
    (
        "sources.knative.dev",
        &[
            "ApiServerSource",
            "ContainerSource",
            "SinkBinding",
            "IntegrationSource",
            "RabbitmqSource",
            "RedisStreamSource",
            "GitHubSource",
            "GitLabSource",
        ],
    ),
    ("sinks.knative.dev", &["JobSink", "IntegrationSink"]),
    ("bindings.knative.dev", &["KafkaBinding"]),
    ("operator.knative.dev", &["KnativeEventing", "KnativeServing"]),
    ("kustomize.config.k8s.io", &["Kustomization"]),
    (
        "kafka.strimzi.io",
        &["Kafka", "KafkaTopic", "KafkaUser", "KafkaNodePool"],
    ),
];

const REFUSED: &[(&str, &str, &str)] = &[(
    "eventing.knative.dev",
    "EventPolicy",
    "its rules would not be enforced, and everyone could send what it means to forbid",
)];

impl Kind {
    /// The kind's name as it is written in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Broker => "Broker",
            Kind::Trigger => "Trigger",
            Kind::PingSource => "PingSource",
            Kind::KafkaSource => "KafkaSource",
            Kind::NatsSource => "NatsSource",
            Kind::WebhookSource => "WebhookSource",
            Kind::Endpoint => "Endpoint",
            Kind::Schema => "Schema",
            Kind::EventType => "EventType",
            Kind::Secret => "Secret",
            Kind::ConfigMap => "ConfigMap",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Standing {
    /// What becomes of a document of this `apiVersion` and `kind`.
    pub(super) fn of(api_version: &str, kind: &str) -> Standing {
        let group = group_of(api_version);
        let served = SERVED.iter().find(|(served, _)| served.as_str() == kind);
        if let Some((served, versions)) = served {
            if versions.contains(&api_version) {
                return Standing::Served(*served);
            }
            let idle_elsewhere = idle_in(group).contains(&kind);
            if !idle_elsewhere {
                return Standing::OtherVersion(versions);
            }
        }
        if let Some((_, _, why)) = REFUSED
            .iter()
            .find(|(in_group, refused, _)| *in_group == group && *refused == kind)
        {
            return Standing::Refused(why);
        }
        match (group, kind) {
            ("", "List") => Standing::List,
            _ if idle_in(group).contains(&kind) => Standing::Idle,
            _ => Standing::Unknown,
        }
    }
}

/// Every kind's name that is known here, for "did you mean".
pub(super) fn all_names() -> Vec<&'static str> {
    let served = SERVED.iter().map(|(kind, _)| kind.as_str());
    served
        .chain(IDLE.iter().flat_map(|(_, kinds)| kinds.iter().copied()))
        .collect()
}

/// The names of the kinds that are served, for messages.
pub(super) fn served_names() -> String {
    let names: Vec<&str> = SERVED.iter().map(|(kind, _)| kind.as_str()).collect();
    names.join(", ")
}

/// The API versions under which a kind of this name is known: those served, or the group of an idle kind.
pub(super) fn homes_of(kind: &str) -> Vec<&'static str> {
    let served = SERVED
        .iter()
        .filter(|(served, _)| served.as_str() == kind)
        .flat_map(|(_, versions)| versions.iter());
    let idle = IDLE
        .iter()
        .filter(|(_, kinds)| kinds.contains(&kind))
        .map(|(group, _)| group);
    served
        .chain(idle)
        .map(|home| if home.is_empty() { "v1" } else { *home })
        .collect()
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

fn idle_in(group: &str) -> &'static [&'static str] {
    IDLE.iter()
        .find(|(idle, _)| *idle == group)
        .map_or(&[], |(_, kinds)| *kinds)
}
