use serde_json::Value;

use super::*;
use crate::histogram::Percentiles;
use crate::rounds::{Contest, Pace, play};
use crate::scenario::{Closing, Sample, Scenario, Target};

const SCENARIO: Scenario = Scenario {
    name: "ingest",
    what: "this",
    against: "that",
    unit: "events/s",
    target: Target::AtLeast(0.75),
    seconds: 1,
};

struct Fixed;

impl Contest for Fixed {
    async fn yardstick(&mut self) -> Result<Sample> {
        Ok(Sample::of(100.0))
    }

    async fn ours(&mut self) -> Result<Sample> {
        Ok(Sample::of(50.0))
    }

    async fn close(&mut self) -> Result<Closing> {
        Ok(Closing::default())
    }
}

async fn report(mode: &'static str, is_whole: bool) -> Report {
    let short = play(SCENARIO, Pace::ONE_ROUND, Fixed).await;
    let failed = Outcome::failed(SCENARIO, "the disk is full".to_owned());
    Report {
        scenarios: vec![short.expect("a contest"), failed],
        failed: true,
        sweeps: Vec::new(),
        machine: Machine {
            processor: "a processor".to_owned(),
            cores: 2,
            memory_bytes: 1,
            kernel: "6".to_owned(),
            file_system: "ext4 on /dev/a".to_owned(),
            load_average: 0.5,
            syncs_per_second: 3000.0,
            sync_ms: Percentiles::default(),
        },
        commit: "abc".to_owned(),
        mode,
        began: 1,
        seconds: 2.0,
        is_whole,
    }
}

#[tokio::test]
async fn others_find_in_the_file_what_they_look_for() {
    let folder = tempfile::tempdir().expect("a folder");
    report("full", true).await.write(folder.path()).expect("a file");
    let text = std::fs::read(folder.path().join("latest.json")).expect("the file");
    let json: Value = serde_json::from_slice(&text).expect("JSON");
    let scenario = &json["scenarios"][0];
    assert_eq!(scenario["name"], "ingest");
    assert_eq!(scenario["unit"], "events/s");
    assert_eq!(
        (scenario["ours"].as_f64(), scenario["yardstick"].as_f64()),
        (Some(50.0), Some(100.0))
    );
    assert_eq!(
        (scenario["ratio"].as_f64(), scenario["target"].as_f64()),
        (Some(0.5), Some(0.75))
    );
    assert_eq!(scenario["direction"], "at-least");
    assert_eq!(scenario["reached"], false);
    let failed = &json["scenarios"][1];
    assert!(failed["ratio"].is_null() && failed["reached"].is_null());
    assert_eq!(failed["failed"], "the disk is full");
    assert_eq!((&json["mode"], &json["commit"]), (&"full".into(), &"abc".into()));
    assert_eq!(json["machine"]["cores"], 2);
}

#[tokio::test]
async fn a_part_of_a_run_does_not_replace_a_whole_one() {
    let folder = tempfile::tempdir().expect("a folder");
    for (mode, is_whole, name) in [
        ("full", false, "partial.json"),
        ("quick", true, "quick.json"),
        ("large", true, "large.json"),
    ] {
        report(mode, is_whole).await.write(folder.path()).expect("a file");
        assert!(folder.path().join(name).exists(), "{name}");
    }
    assert!(!folder.path().join("latest.json").exists());
}

#[tokio::test]
async fn the_table_says_what_was_not_reached_and_why_something_was_not_measured() {
    let text = report("full", true).await.text();
    assert!(text.contains("SHORT") && text.contains(">= 0.75"), "{text}");
    assert!(text.contains("ingest: NOT MEASURED: the disk is full"), "{text}");
}
