use std::path::{Path, PathBuf};

use broker::Engine;
use broker::embedded::{Embedded, Options, examine};
use schemas::names::ResourceName;

use super::*;

/// A small data directory, closed.
async fn data(folder: &Path) -> PathBuf {
    let options = Options {
        segment_bytes: 1 << 20,
        ..Options::new(folder.join("data"))
    };
    let (engine, _) = Embedded::open(options).await.expect("a new data directory");
    let broker = ResourceName::new("default", "b").expect("a legal name");
    engine.declare(&broker).await.expect("a healthy disk");
    for n in 0..5 {
        let event = schemas::event::Event::builder()
            .id(&n.to_string())
            .source("/s")
            .ty("t");
        let batch = broker::Batch {
            events: vec![event.build().expect("a valid event")],
            quarantined: Vec::new(),
            hops: 1,
            source_state: None,
            permit: None,
        };
        engine.append(&broker, batch).await.expect("a healthy disk");
    }
    engine.close().await;
    folder.join("data")
}

#[tokio::test]
async fn a_whole_directory_is_all_right_and_a_damaged_one_says_what_and_where() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(folder.path()).await;
    let report = Report::of(&examine(&data).expect("it can be read"));
    assert!(report.is_healthy(), "{report:?}");
    assert!(report.text().contains("all right") && report.text().contains("no process works on it"));
    let json: serde_json::Value = serde_json::from_str(&report.json()).expect("JSON");
    assert_eq!(
        (&json["healthy"], &json["problems"]),
        (&true.into(), &serde_json::json!([]))
    );

    let path = data.join("journal/000000000001.seg");
    let mut bytes = std::fs::read(&path).expect("a segment");
    let third = bytes
        .windows(8)
        .enumerate()
        // The record of the event's type has its source too, as JSON.
        .filter(|(_, window)| window.starts_with(b"/s") && window[2] != b'"');
    let at = third.map(|(at, _)| at).nth(2).expect("three events");
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).expect("the segment can be written");
    let report = Report::of(&examine(&data).expect("it can be read"));
    assert!(!report.is_healthy());
    let text = report.text();
    assert!(text.contains("WRONG        000000000001.seg: group"), "{text}");
    assert!(text.contains("LOST         events of default/b 3 to 3"), "{text}");
    assert_eq!(
        std::fs::read(&path).expect("a segment"),
        bytes,
        "nothing was changed"
    );
}

#[tokio::test]
async fn what_a_newer_program_wrote_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(folder.path()).await;
    std::fs::write(data.join("FORMAT"), "heddle data\nformat 2\n").expect("it can be written");
    let report = Report::of(&examine(&data).expect("it can be read"));
    assert!(report.problems[0].contains("newer program"), "{report:?}");
}

#[tokio::test]
async fn what_is_gone_from_the_end_after_a_clean_end_is_named_and_after_a_kill_the_doctor_says_that_it_could_not_tell()
 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(folder.path()).await;
    let segment = data.join("journal/000000000001.seg");
    let whole = std::fs::read(&segment).expect("a segment");
    std::fs::remove_file(&segment).expect("it can be removed");
    let report = Report::of(&examine(&data).expect("it can be read"));
    let text = report.text();
    assert!(
        text.contains("WRONG        000000000001.seg: the file is missing"),
        "{text}"
    );
    assert!(text.contains("1 to 5"), "{text}");

    std::fs::write(&segment, whole).expect("it can be written");
    std::fs::remove_file(data.join("journal/CLOSED")).expect("it was there");
    let report = Report::of(&examine(&data).expect("it can be read"));
    assert!(
        report.is_healthy() && report.text().contains("not closed cleanly"),
        "{report:?}"
    );
    std::fs::write(data.join("journal/CLOSED"), "what?").expect("it can be written");
    let report = Report::of(&examine(&data).expect("it can be read"));
    assert!(report.problems[0].contains("CLOSED"), "{report:?}");
}
