use super::*;

#[test]
fn the_configuration_of_dev_is_without_remarks_and_has_an_echo() {
    let configuration = Configuration::dev().unwrap_or_else(|failure| panic!("{failure}"));
    assert!(configuration.report.problems().is_empty());
    assert_eq!(configuration.wiring.brokers.len(), 1);
    assert_eq!(configuration.wiring.triggers.len(), 1);
    assert_eq!(configuration.wiring.echoes.len(), 1);
}

#[test]
fn a_path_that_is_not_there_is_an_io_failure_and_a_mistake_is_one_of_data() {
    let failure = Configuration::read(&["/no/such/file.yaml".into()]).unwrap_err();
    assert_eq!(failure.exit(), Exit::Io);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mesh.yaml");
    std::fs::write(
        &file,
        "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: UPPER}\n",
    )
    .unwrap();
    assert_eq!(Configuration::read(&[file]).unwrap_err().exit(), Exit::Data);
}

#[cfg(not(feature = "kafka-tls"))]
#[test]
fn what_only_a_source_can_judge_is_told_with_its_place() {
    let text = "\
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: tls}
spec:
  bootstrapServers: ['127.0.0.1:1']
  topics: [orders]
  net: {tls: {enable: true}}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
";
    let report = Configuration::of(&load::from_texts([("mesh.yaml", text)])).unwrap_err();
    let [problem] = report.problems() else {
        panic!("{:?}", report.problems())
    };
    assert_eq!(
        (problem.line, problem.message.contains("kafka-tls")),
        (7, true),
        "{problem:?}"
    );
}
