use super::*;
use crate::config::{load, resolve};

fn wiring(text: &str) -> Result<Wiring, Vec<Problem>> {
    let loaded = load::from_texts([("mesh.yaml", text)]);
    let resolved = resolve::resolve(&loaded);
    Wiring::of(
        &resolved
            .plan
            .unwrap_or_else(|| panic!("{:?}", resolved.report.problems())),
    )
}

const PING_TO_URL: &str = "
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: beat, namespace: shop}
spec:
  schedule: '* * * * *'
  sink: {uri: 'http://user:secret@sink.example/path?key=hidden'}
";

#[test]
fn a_source_whose_sink_is_a_url_gets_a_broker_that_no_one_posts_to() {
    let wiring = wiring(PING_TO_URL).unwrap();
    let name = ResourceName::new("heddle-implicit", "pingsource.shop.beat").unwrap();
    assert!(wiring.brokers.contains(&name));
    assert!(wiring.catalogue.implicit.contains(&name));
    assert!(
        !wiring.catalogue.brokers.contains(&name),
        "the ingress knows the catalogue's brokers alone"
    );
    assert_eq!(
        (&wiring.triggers[0].name, &wiring.triggers[0].broker),
        (&name, &name)
    );
    assert_eq!(wiring.sources[0].target, name);
}

#[test]
fn no_secret_of_a_url_is_in_the_words() {
    let shown = format!("{:?}", wiring(PING_TO_URL).unwrap().catalogue);
    assert!(!shown.contains("secret") && !shown.contains("hidden"), "{shown}");
}

#[test]
fn the_namespace_of_what_is_made_here_is_refused_to_others() {
    let problems = wiring(
        "{apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: {name: b, namespace: heddle-implicit}}",
    )
    .unwrap_err();
    assert!(problems[0].message.contains("heddle-implicit"), "{problems:?}");
}

#[test]
fn names_of_the_longest_sources_still_make_a_name() {
    let label = "a".repeat(63);
    let long = ResourceName::new(&label, &[label.as_str(); 3].join(".")).unwrap();
    let name = implicit::name(::sources::spec::KindName::WebhookSource, &long);
    assert!(name.name().starts_with("webhooksource."), "{name}");
    assert_eq!(
        name,
        implicit::name(::sources::spec::KindName::WebhookSource, &long)
    );
}
