//! The disk: what 202 promises, and a disk that is full.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use harness::not_run::not_run;
use harness::producer::get;
use harness::{Answer, Event, Heddle, PATIENCE, Resources, Sink, Trigger, eventually, eventually_async};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A small file system in memory, unmounted when dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None`, said aloud, where file systems cannot be mounted: that takes privileges.
    fn mount(size: &str, test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "heddle-test"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
                not_run(test, &format!("no small file system can be mounted here ({why})"));
                None
            }
            Err(error) => {
                not_run(test, &format!("`mount` cannot be run ({error})"));
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}

async fn readyz(heddle: &Heddle) -> (u16, Value) {
    let answered = get(&format!("{}/readyz", heddle.admin())).await;
    let body = serde_json::from_slice(&answered.body).expect("readiness is JSON");
    (answered.status.as_u16(), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_events_delivers_what_it_took_and_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount("100m", "the full disk") else {
        return;
    };
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![b'x'; 24 << 20]).expect("the small disk takes 24 MiB");
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let arguments = [
        "--segment-bytes",
        "8MiB",
        "--reserve-bytes",
        "16MiB",
        "--free-bytes-min",
        "8MiB",
    ];
    let data = disk.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let heddle = Heddle::start_on(&data, &resources, &arguments).await;
    let producer = heddle.producer("default/default");
    let event = |n: usize| Event::new(n.to_string()).data("application/octet-stream", vec![0; 900_000]);
    let mut accepted = 0;
    let refused = loop {
        let answered = producer.binary(&event(accepted)).await;
        if answered.status != 202 {
            break answered;
        }
        accepted += 1;
        assert!(accepted < 200, "the disk is never full");
    };
    assert_eq!(refused.status, 507, "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    assert!(accepted > 20, "{accepted} events fit");
    let (status, body) = readyz(&heddle).await;
    let reasons = body["reasons"].to_string();
    assert!(
        status == 503 && reasons.contains("is full") && reasons.contains("507"),
        "{body}"
    );

    assert_eq!(
        heddle.idle_trigger("t").await["delivered"],
        accepted,
        "what was taken is delivered on the full disk"
    );
    let storage = heddle
        .cli(&["get", "storage", "-o", "json", "--admin", heddle.admin()])
        .await
        .json();
    assert_eq!(storage["ready"], false, "{storage}");
    assert!(
        storage["freeBytes"].as_u64() >= Some(8 << 20),
        "room is left to others: {storage}"
    );

    std::fs::remove_file(&filler).unwrap();
    eventually_async("it takes events again by itself", PATIENCE, || async {
        (producer.binary(&event(accepted)).await.status == 202).then_some(())
    })
    .await;
    assert_eq!(heddle.idle_trigger("t").await["delivered"], accepted + 1);
    assert_eq!(readyz(&heddle).await.0, 200);
}

/// Events that wait in a view that has no room.
const EVENTS: u32 = 1_000;

/// Writes a file until there is no room but this.
fn fill(path: &Path, but: u64) {
    let mut file = File::create(path).expect("the small disk takes a file");
    let piece = vec![b'x'; 16 << 10];
    while file.write_all(&piece).is_ok() {}
    let bytes = file.metadata().expect("it is there").len();
    file.set_len(bytes.saturating_sub(but))
        .expect("a file can be cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_has_no_room_is_kept_in_memory_loses_nothing_and_returns_to_its_disk() {
    let Some(disk) = SmallDisk::mount("24m", "the view's full disk") else {
        return;
    };
    // The journal is where there is room.
    let roomy = tempfile::tempdir().unwrap();
    let data = disk.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::symlink(roomy.path(), data.join("journal")).unwrap();
    let sink = Sink::answering([Answer::status(503).body("not now")]).await;
    let delivery = json!({"retry": 99, "backoffPolicy": "linear", "backoffDelay": "PT600S"});
    let resources = |uri: &str| {
        let trigger = Trigger::new("t", uri).delivery(delivery.clone());
        Resources::with_default_broker().trigger(trigger)
    };
    let mut heddle = Heddle::start_on(&data, &resources(&sink.url("/")), &[]).await;
    let producer = heddle.producer("default/default");
    for n in 0..10 {
        producer.accepted(&Event::new(n.to_string())).await;
    }
    let filler = disk.path().join("filler");
    fill(&filler, 512 << 10);
    for n in 10..EVENTS {
        producer.accepted(&Event::new(n.to_string())).await;
    }
    let waiting = async |heddle: &Heddle| {
        let waiting = r#"heddle_trigger_waiting_retry{trigger="default/t"}"#;
        heddle.metrics().await.get(waiting)
    };
    let all_wait = async |heddle: &Heddle| {
        eventually_async("all of them wait for their next attempt", PATIENCE, || async {
            (waiting(heddle).await == f64::from(EVENTS)).then_some(())
        })
        .await;
        heddle.adds_up().await;
    };
    all_wait(&heddle).await;
    let degraded = eventually_async("readiness tells", PATIENCE, || async {
        let (status, body) = readyz(&heddle).await;
        let told = body["warnings"].to_string();
        told.contains("kept in memory").then_some((status, told))
    })
    .await;
    assert!(
        degraded.0 == 200 && degraded.1.contains("No space left"),
        "it takes events and says why: {degraded:?}"
    );

    // Also when it starts on a full disk.
    heddle.kill();
    let more = disk.path().join("more");
    fill(&more, 0);
    heddle.restart().await;
    all_wait(&heddle).await;
    assert!(
        readyz(&heddle).await.1["warnings"]
            .to_string()
            .contains("kept in memory")
    );

    for filler in [filler, more] {
        std::fs::remove_file(filler).unwrap();
    }
    eventually_async("it is on disk again", PATIENCE, || async {
        let warnings = readyz(&heddle).await.1["warnings"].to_string();
        (!warnings.contains("kept in memory")).then_some(())
    })
    .await;
    all_wait(&heddle).await;
    heddle.terminate().await;
    heddle.restart().await;
    let third_start = eventually("the log tells of the third start", PATIENCE, || {
        let log = heddle.process().stderr();
        let mut starts = log.lines().filter(|line| line.contains("is ready"));
        starts.nth(2).map(str::to_owned)
    })
    .await;
    assert!(
        !third_start.contains("rebuilt"),
        "what is on disk again is believed: {third_start}"
    );
    all_wait(&heddle).await;
    let came: BTreeSet<String> = sink.ids().into_iter().collect();
    assert_eq!(came.len(), EVENTS as usize, "each has been tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_of_durability_is_chosen_on_the_command_line_and_said_everywhere() {
    let resources = Resources::with_default_broker();
    let mut heddle = Heddle::start_with(&resources, &["--durability", "interval:100ms"], &[]).await;
    let producer = heddle.producer("default/default");
    producer.accepted(&Event::new("x")).await;
    let (_, body) = readyz(&heddle).await;
    let words = "up to the last 100 ms of events that were answered 202";
    assert!(body["durability"].to_string().contains(words), "{body}");
    let storage = heddle.cli(&["get", "storage", "--admin", heddle.admin()]).await;
    assert!(storage.stdout.contains("interval:100ms"), "{storage:?}");
    assert!(heddle.process().stderr().contains(words), "the log says it");
    // A killed process loses nothing in any mode.
    heddle.kill();
    heddle.restart().await;
    let brokers = heddle
        .cli(&["get", "brokers", "-o", "json", "--admin", heddle.admin()])
        .await
        .json();
    assert_eq!(brokers["items"][0]["events"], 1, "{brokers}");

    let wrong = heddle.cli(&["dev", "--durability", "sometimes"]).await;
    assert_eq!(wrong.code, Some(64), "{wrong:?}");
    assert!(wrong.stderr.contains("interval:100ms"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heddle_that_is_started_on_a_backup_delivers_what_was_acknowledged_before_it() {
    let (gone, sink) = (Sink::answering([Answer::hang()]).await, Sink::start().await);
    let resources = |sink: &Sink| Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources(&gone)).await;
    let producer = heddle.producer("default/default");
    for n in 0..20 {
        producer.accepted(&Event::new(n.to_string())).await;
    }
    let to = tempfile::tempdir().unwrap();
    let target = to.path().join("monday");
    let target = target.to_str().unwrap();
    let made = heddle.cli(&["backup", target, "--admin", heddle.admin()]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(
        made.stdout.contains(target) && made.stdout.contains("--data"),
        "{made:?}"
    );
    let again = heddle.cli(&["backup", target, "--admin", heddle.admin()]).await;
    assert_ne!(again.code, Some(0), "nothing is written over");
    assert!(again.stderr.contains("not empty"), "{again:?}");
    let inside = heddle
        .cli(&["backup", "data/backup", "--admin", heddle.admin()])
        .await;
    assert!(inside.stderr.contains("inside the data directory"), "{inside:?}");
    heddle.kill();
    let restored = Heddle::start_on(Path::new(target), &resources(&sink), &[]).await;
    let trigger = restored.idle_trigger("t").await;
    assert_eq!(trigger["delivered"], 20, "{trigger}");
    let mut ids: Vec<usize> = sink.ids().iter().map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_told_who_has_the_data_directory() {
    let mut heddle = Heddle::start(&Resources::with_default_broker()).await;
    let second = [
        "dev",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ];
    let second = heddle.cli(&second).await;
    assert_eq!(second.code, Some(74), "{second:?}");
    let id = heddle.process().id();
    assert!(
        second.stderr.contains(&format!("in use by process {id} ")),
        "{second:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_through_a_directory_also_while_it_is_in_use() {
    let mut heddle = Heddle::start(&Resources::with_default_broker()).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let id = heddle.process().id();
    let beside = heddle.cli(&["doctor", "--data", "data"]).await;
    assert_eq!(beside.code, Some(0), "{beside:?}");
    assert!(
        beside.stdout.contains(&format!("process {id} works on it")),
        "{beside:?}"
    );
    heddle.kill();
    let path = heddle.folder().join("data/journal/000000000001.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes
        .windows(10)
        .position(|window| window == b"test.event")
        .unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let after = heddle.cli(&["doctor", "--data", "data", "-o", "json"]).await;
    // The last group before a crash may be a torn one: what is torn is cut, what stands behind it tells damage.
    let found = after.json();
    let is_told =
        found["problems"].to_string().contains("damaged") || found["notes"].to_string().contains("cuts");
    assert!(is_told, "{found}");
    let missing = heddle.cli(&["doctor", "--data", "nowhere"]).await;
    assert_eq!(missing.code, Some(74), "{missing:?}");
}
