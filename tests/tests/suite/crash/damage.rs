//! Damage to a data directory between two lives: whatever happens to its files, heddle starts, serves everything that is
//! not damaged and nothing that is, and says what is missing. (What the journal does about each byte is its own tests'
//! affair, on a simulated disk; here it is the binary, its files and what a person sees.)
//!
//! The layout of the files is read here by the documentation in `journal/src/format.rs`, not by its code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use harness::producer::get;
use harness::{Answer, Event, Heddle, PATIENCE, Resources, Sink, Trigger, eventually};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;

/// The smallest segments, and a small reserve beside them.
const STORAGE: [(&str, &str); 2] = [("HEDDLE_SEGMENT_BYTES", "8MiB"), ("HEDDLE_RESERVE_BYTES", "8MiB")];
/// Events in the data directory that is damaged: they fill five segments.
const EVENTS: usize = 120;
const SEGMENT_HEAD: usize = 4096;
const GROUP_HEAD: usize = 64;
const FRAME_HEAD: usize = 12;
const RECORD_HEAD: usize = 25;
const TRAILER: usize = 96;

/// What may be missing afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// Nothing, and there is nothing to say.
    Nothing,
    /// At most so many events, and it is said.
    Said(usize),
    /// As [`Loss::Said`], and what is said is exact: by the doctor before, and by the life after.
    Named(usize),
    /// At most so many from the end after a kill, which nothing tells from a write that was never acknowledged.
    Tail(usize),
}

/// A region of a segment, what its damage may cost, and how it is damaged.
type Region = (&'static str, Loss, fn(&mut Vec<u8>));

/// A data directory with undelivered events, to be damaged again and again.
struct Base {
    folder: TempDir,
    _sink: Sink,
    came: Came,
    heddle: Heddle,
}

/// The events that came, each with whether its bytes were right.
type Came = Arc<Mutex<Vec<(usize, bool)>>>;

/// A copy of it in which something is to be damaged.
struct Data {
    path: PathBuf,
}

fn event(n: usize) -> Event {
    Event::new(n.to_string()).data("application/json", payload(n))
}

fn payload(n: usize) -> Bytes {
    Bytes::from(format!(
        r#"{{"n":{n},"ballast":"{}"}}"#,
        format!("{n}.").repeat(100_000)
    ))
}

impl Base {
    /// Makes one. Its last life ended cleanly, or by `kill -9`.
    async fn make(clean: bool) -> Self {
        let came = Came::default();
        let sink = {
            let came = Arc::clone(&came);
            Sink::counting(move |request| {
                let n: usize = request.attribute("id").parse().expect("an id of ours");
                came.lock().push((n, request.body == payload(n)));
                Answer::ok()
            })
        };
        let sink = sink.await;
        let with_trigger = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
        let mut heddle = Heddle::start_with(&with_trigger, &[], &STORAGE).await;
        heddle.terminate().await;
        // Nobody delivers while the events come in.
        heddle.reconfigure(&Resources::with_default_broker());
        heddle.restart().await;
        let producer = heddle.producer("default/default");
        for n in 0..EVENTS {
            producer.accepted(&event(n)).await;
        }
        if clean {
            heddle.terminate().await;
        } else {
            heddle.kill();
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(&heddle.folder().join("data"), &folder.path().join("data"));
        heddle.reconfigure(&with_trigger);
        Self {
            folder,
            _sink: sink,
            came,
            heddle,
        }
    }

    /// Damages a fresh copy and looks at what a life makes of it.
    async fn survives(&mut self, what: &str, loss: Loss, damage: impl FnOnce(&Data)) {
        let data = Data {
            path: self.heddle.folder().join("data"),
        };
        fs::remove_dir_all(&data.path).expect("the data of the case before can go");
        copy(&self.folder.path().join("data"), &data.path);
        damage(&data);
        let diagnosis = match loss {
            Loss::Named(_) => Some(self.heddle.cli(&["doctor", "--data", "data", "-o", "json"]).await),
            _ => None,
        };

        self.came.lock().clear();
        self.heddle.launch();
        self.heddle.await_ready().await;
        self.heddle
            .producer("default/default")
            .accepted(&event(EVENTS))
            .await;
        eventually(what, PATIENCE, || {
            self.came.lock().iter().any(|(n, _)| *n == EVENTS).then_some(())
        })
        .await;
        let trigger = self.heddle.idle_trigger("t").await;
        let readiness = get(&format!("{}/readyz", self.heddle.admin())).await;
        assert_eq!(readiness.status, 200, "{what}: {}", readiness.text());
        let missing = self.judge(what, loss, &trigger, &readiness.json());
        if let Some(diagnosis) = diagnosis {
            assert_eq!(diagnosis.code, Some(65), "{what}: {diagnosis:?}");
            let lost = diagnosis.json()["lost"].clone();
            assert_eq!(
                named(&lost, |lost| lost["what"].clone()),
                missing,
                "{what}: {lost}"
            );
        }
        self.heddle.kill();
    }

    /// Answers which events are missing.
    fn judge(&self, what: &str, loss: Loss, trigger: &Value, readiness: &Value) -> BTreeSet<usize> {
        let mut missing: BTreeSet<usize> = (0..EVENTS).collect();
        for (n, is_right) in self.came.lock().iter() {
            assert!(is_right, "{what}: event {n} came with other bytes");
            missing.remove(n);
        }
        let warnings = readiness["warnings"].as_array().expect("a list");
        let told = warnings.iter().any(|warning| {
            let words = warning.to_string();
            words.contains("damaged") || words.contains("lost") || words.contains("missing")
        });
        let unreadable = trigger["unreadable"].as_u64().unwrap_or(0);
        println!(
            "{what}: {} missing, {unreadable} unreadable, {warnings:?}",
            missing.len()
        );
        let lost_max = match loss {
            Loss::Nothing => 0,
            Loss::Said(events) | Loss::Named(events) | Loss::Tail(events) => events,
        };
        assert!(
            missing.len() <= lost_max,
            "{what}: these are missing: {missing:?}"
        );
        if !missing.is_empty() && !matches!(loss, Loss::Tail(_)) {
            assert!(told, "{what}: {missing:?} are missing and nobody says so");
        }
        if matches!(loss, Loss::Named(_)) {
            assert!(!missing.is_empty(), "{what}: it was to cost something");
            assert_eq!(said_lost(warnings), missing, "{what}: {warnings:?}");
        }
        missing
    }
}

/// The events that `/readyz` names as lost.
fn said_lost(warnings: &[Value]) -> BTreeSet<usize> {
    let ranges = warnings.iter().filter_map(|warning| {
        let words = warning.as_str()?;
        let (_, range) = words.split_once("lost for good: events of default/default ")?;
        let (from, to) = range.split_once(" to ")?;
        Some(serde_json::json!({"from": from.parse::<u64>().ok()?, "to": to.parse::<u64>().ok()?}))
    });
    named(&ranges.collect(), |_| "events of default/default".into())
}

/// The events of ranges of sequences, of which `what` says whose they are. Event 0 was stored first.
fn named(ranges: &Value, what: impl Fn(&Value) -> Value) -> BTreeSet<usize> {
    let ranges = ranges.as_array().expect("a list").iter();
    let of_events = ranges.filter(|range| what(range) == "events of default/default");
    let bound = |range: &Value, name: &str| {
        usize::try_from(range[name].as_u64().expect("a number")).expect("a small number")
    };
    of_events
        .flat_map(|range| bound(range, "from") - 1..bound(range, "to"))
        .collect()
}

impl Data {
    fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// The segments, oldest first.
    fn segments(&self) -> Vec<PathBuf> {
        let mut segments: Vec<PathBuf> = files(&self.journal());
        segments.retain(|path| path.extension() == Some("seg".as_ref()));
        segments.sort();
        assert!(
            segments.len() >= 4,
            "enough segments for an oldest, a middle and a newest: {segments:?}"
        );
        segments
    }

    fn oldest(&self) -> PathBuf {
        self.segments().swap_remove(0)
    }

    fn middle(&self) -> PathBuf {
        self.segments().swap_remove(2)
    }

    fn newest(&self) -> PathBuf {
        self.segments().pop().expect("there are segments")
    }
}

/// Where the groups of a segment stand that hold an event, each as (offset, bytes of its frames).
fn groups(segment: &[u8]) -> Vec<(usize, usize)> {
    let mut groups = Vec::new();
    let mut at = SEGMENT_HEAD;
    while at + GROUP_HEAD + FRAME_HEAD + RECORD_HEAD <= segment.len() {
        if &segment[at..at + 4] != b"HGRP" {
            at += 16;
            continue;
        }
        let bytes = u32_at(segment, at + 40) as usize;
        let stream = segment[at + GROUP_HEAD + FRAME_HEAD + 8];
        if bytes > 0 && stream >= 16 {
            groups.push((at, bytes));
        }
        at = (at + GROUP_HEAD + bytes).next_multiple_of(16);
    }
    groups
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Changes a file.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    change(&mut bytes);
    fs::write(path, bytes).expect("a file can be written");
}

/// Flips one bit of a byte.
fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 0x10;
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for path in files(from) {
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file can be copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_region_of_a_sealed_segment_costs_one_event_at_most() {
    let mut base = Base::make(true).await;
    for (which, segment) in [
        ("oldest", Data::oldest as fn(&Data) -> PathBuf),
        ("middle", Data::middle),
    ] {
        let regions: [Region; 9] = [
            ("header", Loss::Nothing, |bytes| flip(bytes, 33)),
            ("group header", Loss::Nothing, |bytes| {
                let at = groups(bytes)[1].0;
                flip(bytes, at + 9);
            }),
            ("frame header", Loss::Nothing, |bytes| {
                let at = groups(bytes)[1].0;
                flip(bytes, at + GROUP_HEAD + 8);
            }),
            ("record header", Loss::Said(1), |bytes| {
                let at = groups(bytes)[1].0;
                flip(bytes, at + GROUP_HEAD + FRAME_HEAD + 16);
            }),
            ("payload", Loss::Said(1), |bytes| {
                let (at, length) = groups(bytes)[1];
                flip(bytes, at + GROUP_HEAD + length - 40);
            }),
            ("footer table", Loss::Nothing, |bytes| {
                let trailer = bytes.len() - TRAILER;
                let at = u32_at(bytes, trailer + 80) as usize;
                flip(bytes, at + 8);
            }),
            ("footer directory", Loss::Nothing, |bytes| {
                let trailer = bytes.len() - TRAILER;
                let at = u32_at(bytes, trailer + 84) as usize;
                flip(bytes, at + 8);
            }),
            ("trailer", Loss::Nothing, |bytes| {
                let trailer = bytes.len() - TRAILER;
                flip(bytes, trailer + 40);
            }),
            ("trailer and a group header", Loss::Said(1), |bytes| {
                let (trailer, at) = (bytes.len() - TRAILER, groups(bytes)[1].0);
                flip(bytes, trailer + 40);
                flip(bytes, at + 9);
            }),
        ];
        for (region, loss, damage) in regions {
            let what = format!("{which} segment, {region}");
            base.survives(&what, loss, |data| edit(&segment(data), damage))
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_that_are_cut_short_or_gone_cost_what_was_in_them_and_it_is_said() {
    let mut base = Base::make(true).await;
    let within = EVENTS / 2;
    for (which, segment) in [
        ("oldest", Data::oldest as fn(&Data) -> PathBuf),
        ("middle", Data::middle),
        ("newest", Data::newest),
    ] {
        // A clean end wrote down what there was, also of the last group, which nothing else names as synced.
        let at_the_end = if which == "newest" {
            Loss::Named(within)
        } else {
            Loss::Said(within)
        };
        base.survives(&format!("{which} segment cut in half"), at_the_end, |data| {
            edit(&segment(data), |bytes| {
                let last = groups(bytes).last().expect("it holds events").0;
                bytes.truncate(last.max(SEGMENT_HEAD * 2) / 2);
            });
        })
        .await;
        base.survives(&format!("{which} segment empty"), at_the_end, |data| {
            edit(&segment(data), Vec::clear);
        })
        .await;
        base.survives(&format!("{which} segment gone"), at_the_end, |data| {
            fs::remove_file(segment(data)).expect("a file can be removed");
        })
        .await;
        base.survives(&format!("{which} segment overwritten"), at_the_end, |data| {
            edit(&segment(data), |bytes| Rng::with_seed(7).fill(bytes));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_the_segment_that_is_written_is_told_from_its_tail() {
    let mut base = Base::make(false).await;
    base.survives("nothing at all", Loss::Nothing, |_| {}).await;
    let regions: [Region; 8] = [
        ("header", Loss::Nothing, |bytes| flip(bytes, 33)),
        ("group header", Loss::Said(1), |bytes| {
            let at = groups(bytes)[0].0;
            flip(bytes, at + 9);
        }),
        ("frame header", Loss::Said(1), |bytes| {
            let at = groups(bytes)[0].0;
            flip(bytes, at + GROUP_HEAD + 8);
        }),
        ("record header", Loss::Said(1), |bytes| {
            let at = groups(bytes)[0].0;
            flip(bytes, at + GROUP_HEAD + FRAME_HEAD + 16);
        }),
        ("payload", Loss::Said(1), |bytes| {
            let (at, length) = groups(bytes)[0];
            flip(bytes, at + GROUP_HEAD + length - 40);
        }),
        ("payload of the last group", Loss::Tail(1), |bytes| {
            let (at, length) = *groups(bytes).last().expect("it holds events");
            flip(bytes, at + GROUP_HEAD + length - 40);
        }),
        ("more zeros at its end", Loss::Nothing, |bytes| {
            bytes.resize(bytes.len() + 70_000, 0);
        }),
        ("its last group once more behind it", Loss::Nothing, |bytes| {
            let (at, length) = *groups(bytes).last().expect("it holds events");
            let end = (at + GROUP_HEAD + length).next_multiple_of(16);
            let group = bytes[at..end].to_vec();
            let behind = bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .expect("it is not empty");
            let behind = (behind + 1).next_multiple_of(16);
            bytes.resize(bytes.len().max(behind + group.len()), 0);
            bytes[behind..behind + group.len()].copy_from_slice(&group);
        }),
    ];
    for (region, loss, damage) in regions {
        let what = format!("newest segment, {region}");
        base.survives(&what, loss, |data| edit(&data.newest(), damage))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_beside_the_segments_cost_nothing() {
    let mut base = Base::make(true).await;
    let format = |data: &Data| data.journal().join("FORMAT");
    for at in [3, 22, 40, 80] {
        base.survives(&format!("FORMAT flipped at {at}"), Loss::Nothing, |data| {
            edit(&format(data), |bytes| {
                let at = at.min(bytes.len() - 1);
                flip(bytes, at);
            });
        })
        .await;
    }
    base.survives("FORMAT gone", Loss::Nothing, |data| {
        fs::remove_file(format(data)).expect("a file can be removed");
    })
    .await;
    base.survives("garbage in LOCK", Loss::Nothing, |data| {
        fs::write(data.journal().join("LOCK"), "xyz").expect("a file can be written");
    })
    .await;
    base.survives("a spare segment of garbage", Loss::Nothing, |data| {
        fs::write(data.journal().join("next.spare"), vec![0xab; 10_000]).expect("a file can be written");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_view_costs_nothing() {
    let mut base = Base::make(true).await;
    let mut rng = Rng::with_seed(11);
    let names: Vec<PathBuf> = {
        let view = base.folder.path().join("data/view");
        let found = files(&view).into_iter().filter(|path| path.is_file());
        found
            .map(|path| path.strip_prefix(&view).expect("below it").to_owned())
            .collect()
    };
    assert!(names.iter().any(|name| name == Path::new("db")), "{names:?}");
    for name in names {
        let file = |data: &Data| data.path.join("view").join(&name);
        let shown = name.display().to_string();
        base.survives(&format!("view/{shown} gone"), Loss::Nothing, |data| {
            fs::remove_file(file(data)).expect("a file can be removed");
        })
        .await;
        base.survives(&format!("view/{shown} empty"), Loss::Nothing, |data| {
            edit(&file(data), Vec::clear);
        })
        .await;
        base.survives(&format!("view/{shown} cut in half"), Loss::Nothing, |data| {
            edit(&file(data), |bytes| bytes.truncate(bytes.len() / 2));
        })
        .await;
        base.survives(&format!("view/{shown} overwritten"), Loss::Nothing, |data| {
            edit(&file(data), |bytes| rng.fill(bytes));
        })
        .await;
        for _ in 0..4 {
            let place = rng.usize(..1000);
            base.survives(
                &format!("view/{shown} flipped at {place}/1000"),
                Loss::Nothing,
                |data| {
                    edit(&file(data), |bytes| {
                        // Most of a database file is room that was never written.
                        let written = bytes
                            .iter()
                            .rposition(|byte| *byte != 0)
                            .map_or(0, |last| last + 1);
                        if written > 0 {
                            flip(bytes, written * place / 1000);
                        }
                    });
                },
            )
            .await;
        }
    }
}
