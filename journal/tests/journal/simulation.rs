//! Histories on a simulated disk against a model: appends, failing syncs and writes, kills, power cuts, reopening.
//!
//! The model is the list of frames in the order of their commits. What must hold after each opening: there is a prefix
//! of that list, at least as long as what was durable, of which the journal holds exactly the records: all of them from
//! where retirement left each stream, and before that those that are live and were copied forward. That says at once
//! that nothing acknowledged is lost, that frames are whole or absent, that order and sequences are right, that a
//! segment leaves whole or stays, that nothing else is served, and that nothing is ever called lost. Of a journal that was
//! closed a copy is made at times that loses its end: that must be said, and exactly.
//!
//! `HEDDLE_SIM_HISTORIES` sets the number of histories; `HEDDLE_SIM_SEED`, which is printed when a history fails, runs
//! that one alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use journal::sim::{Operation, SimFs};
use journal::{AppendError, Committed, Durability, FileSystem, Frame, Journal, Options, StreamId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::closing::{Damage, check_lost_end};
use crate::retiring::{Retired, is_live, retire_one};
use crate::support::{append, entry, frame, open, read_all, small};

#[derive(Clone, Debug)]
enum Step {
    /// Frames that are queued together.
    Append(Vec<FrameSpec>),
    FailSync(u64),
    FailWrite(u64),
    FailSyncDir,
    PowerCut(u64),
    Kill,
    Close,
    /// A close; then a copy of the disk loses its end and is looked at.
    LoseTheEnd(Damage),
    /// The process dies in the middle of a close; with a seed the power goes with it.
    DieInClose(u64, &'static str, Option<u64>),
    /// The oldest segment leaves, its live records are copied forward.
    Retire,
    /// The process dies in the middle of what comes next; with a seed the power goes with it.
    DieLater(u64, Option<u64>),
    /// A kill, or a close; then the process dies while it recovers, and the power goes with it.
    DieInRecovery(bool, u64, &'static str, u64),
}

/// Stream and payload size of each record.
type FrameSpec = Vec<(u64, usize)>;

/// A frame that was given to the journal: the payload of each record with its stream.
type Given = Vec<(u64, Vec<u8>)>;

type Outcome = Result<Committed, AppendError>;

struct Model {
    fs: SimFs,
    options: Options,
    journal: Option<Journal>,
    /// In commit order; those that were answered with an error come last and may or may not be there.
    frames: Vec<Given>,
    /// How many of them were acknowledged.
    acknowledged: usize,
    /// How many of them a power cut must leave.
    durable: usize,
    next_frame: u64,
    /// Of each stream, up to where its records have left for certain, and up to where they may have.
    left: BTreeMap<u64, (u64, u64)>,
    power_cut: bool,
    /// When the journal fails, the power goes.
    cut_on_failure: Option<u64>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let spec = vec(
        (0..4_u64, prop_oneof![4 => 0..200_usize, 1 => 0..3000_usize]),
        1..4,
    );
    // Beside these, renames and syncs of directories count as changes.
    let name = || prop_oneof![Just(".seg"), Just(".new"), Just("CLOSED")];
    let interrupted = proptest::option::of((1..8_u64, name(), any::<u64>()));
    let damage = (
        proptest::option::weighted(0.8, 0..1000_usize),
        any::<bool>(),
        interrupted,
    );
    let damage = damage.prop_map(|(stays, zeroed, interrupted)| Damage {
        stays,
        zeroed,
        interrupted,
    });
    let step = prop_oneof![
        12 => vec(spec, 1..6).prop_map(Step::Append),
        1 => (1..4_u64).prop_map(Step::FailSync),
        1 => (1..4_u64).prop_map(Step::FailWrite),
        1 => Just(Step::FailSyncDir),
        2 => any::<u64>().prop_map(Step::PowerCut),
        1 => Just(Step::Kill),
        1 => Just(Step::Close),
        6 => Just(Step::Retire),
        2 => (1..20_u64, any::<Option<u64>>()).prop_map(|(nth, cut)| Step::DieLater(nth, cut)),
        2 => (any::<bool>(), 1..8_u64, name(), any::<u64>())
            .prop_map(|(closed, nth, of, cut)| Step::DieInRecovery(closed, nth, of, cut)),
        1 => damage.prop_map(Step::LoseTheEnd),
        1 => (1..8_u64, name(), any::<Option<u64>>()).prop_map(|(nth, of, cut)| Step::DieInClose(nth, of, cut)),
    ];
    vec(step, 1..40)
}

fn durability() -> impl Strategy<Value = Durability> {
    prop_oneof![
        4 => Just(Durability::Always),
        1 => Just(Durability::Os),
        1 => Just(Durability::Interval(Duration::from_secs(3600))),
    ]
}

/// How many histories an ordinary run tries.
const HISTORIES: u64 = 10_000;
const THREADS: u64 = 2;

#[test]
fn every_history_keeps_what_was_acknowledged_and_serves_nothing_else() {
    if let Ok(seed) = std::env::var("HEDDLE_SIM_SEED") {
        return history(seed.parse().expect("HEDDLE_SIM_SEED is a number"));
    }
    let histories = std::env::var("HEDDLE_SIM_HISTORIES")
        .map_or(HISTORIES, |count| count.parse().expect("a number of histories"));
    // Neighbouring runs share no history.
    let base = fastrand::u64(..u64::MAX / 2);
    std::thread::scope(|scope| {
        for first in 0..THREADS {
            scope.spawn(move || {
                let mine = (first..histories).step_by(usize::try_from(THREADS).expect("a small number"));
                mine.for_each(|n| history(base + n));
            });
        }
    });
}

/// One history, made from its seed alone.
fn history(seed: u64) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: 1,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let result = runner.run(
        &(durability(), 0..3_usize, steps()),
        |(durability, reserve_segments, steps)| {
            run(durability, reserve_segments, steps);
            Ok(())
        },
    );
    if let Err(failure) = result {
        panic!("run it again with HEDDLE_SIM_SEED={seed}\n{failure}");
    }
}

fn run(durability: Durability, reserve_segments: usize, steps: Vec<Step>) {
    let fs = SimFs::new();
    let options = Options {
        durability,
        reserve_segments,
        ..small("/journal")
    };
    let mut model = Model {
        fs,
        options,
        journal: None,
        frames: Vec::new(),
        acknowledged: 0,
        durable: 0,
        next_frame: 0,
        left: BTreeMap::new(),
        power_cut: false,
        cut_on_failure: None,
    };
    model.reopen();
    for step in steps {
        model.step(step);
    }
    model.end_process(Some(1));
    model.reopen();
}

impl Model {
    fn step(&mut self, step: Step) {
        match step {
            Step::Append(specs) => self.append(specs),
            Step::Retire => self.retire(),
            Step::FailSync(nth) => self.fs.fail(Operation::Sync, ".seg", nth),
            Step::FailWrite(nth) => self.fs.fail(Operation::Write, ".seg", nth),
            Step::FailSyncDir => self.fs.fail(Operation::SyncDir, "", 1),
            Step::PowerCut(seed) => {
                self.end_process(Some(seed));
                self.reopen();
            }
            Step::Kill => {
                self.end_process(None);
                self.reopen();
            }
            Step::DieLater(nth, cut) => {
                self.fs.die_before(nth, ".seg");
                self.cut_on_failure = cut;
            }
            Step::DieInRecovery(closed, nth, of, cut) => {
                if closed {
                    self.close();
                }
                self.end_process(None);
                self.fs.die_before(nth, of);
                let fs: Arc<dyn FileSystem> = Arc::new(self.fs.clone());
                drop(Journal::open(fs, self.options.clone(), None));
                self.end_process(Some(cut));
                self.reopen();
            }
            Step::Close => {
                self.close();
                self.reopen();
            }
            Step::LoseTheEnd(damage) => {
                if self.close() {
                    let copy = self.fs.fork();
                    let held = remaining(project(&self.frames), &BTreeMap::new());
                    check_lost_end(&copy, &self.options, &damage, &held, !self.left.is_empty());
                }
                self.reopen();
            }
            Step::DieInClose(nth, of, cut) => {
                self.fs.die_before(nth, of);
                self.close();
                self.end_process(cut);
                self.reopen();
            }
        }
    }

    /// Whether the journal was closed, and wrote down that it was.
    fn close(&mut self) -> bool {
        self.journal.take().expect("open between steps").close();
        self.fs.contents(&self.options.directory.join("CLOSED")).is_ok()
    }

    fn append(&mut self, specs: Vec<FrameSpec>) {
        let given: Vec<Given> = specs.into_iter().map(|spec| self.give(spec)).collect();
        let journal = self.journal.as_ref().expect("open between steps");
        for (given, outcome) in given.iter().zip(submit_together(journal, &given)) {
            self.note(given, outcome);
        }
        if self.acknowledged < self.frames.len() {
            // Poisoned: only opening anew helps.
            let refused = append(self.journal.as_ref().expect("open"), frame([entry(0, "refused")]));
            assert!(
                matches!(refused, Err(AppendError::Poisoned { .. })),
                "{refused:?}"
            );
            self.fail();
        }
    }

    fn fail(&mut self) {
        let cut = self.cut_on_failure.take();
        self.end_process(cut);
        self.reopen();
    }

    fn retire(&mut self) {
        let journal = self.journal.clone().expect("open between steps");
        match retire_one(&journal, |stream, last| {
            self.left.entry(stream).or_default().1 = last;
        }) {
            Retired::Nothing => {}
            Retired::Left(parts) => {
                for (stream, last) in parts {
                    self.left.entry(stream).or_default().0 = last;
                }
                // What stands before the mark is synced with it, in every mode.
                self.durable = self.acknowledged;
            }
            Retired::Failed => self.fail(),
        }
    }

    fn give(&mut self, spec: FrameSpec) -> Given {
        self.next_frame += 1;
        let payload = |(index, (stream, bytes)): (usize, (u64, usize))| {
            let mut payload = format!("{}.{index}.{stream} ", self.next_frame).into_bytes();
            payload.resize(payload.len() + bytes, b'x');
            (stream, payload)
        };
        spec.into_iter().enumerate().map(payload).collect()
    }

    fn note(&mut self, given: &Given, outcome: Outcome) {
        match outcome {
            Ok(committed) => {
                assert_eq!(
                    self.acknowledged,
                    self.frames.len(),
                    "nothing is acknowledged behind a failure"
                );
                for ((stream, _), sequence) in given.iter().zip(&committed.sequences) {
                    let before = project(&self.frames).get(stream).map_or(0, Vec::len);
                    let in_frame = committed.sequences.iter().zip(given);
                    let earlier = in_frame
                        .filter(|(other, (s, _))| s == stream && *other < sequence)
                        .count();
                    assert_eq!(*sequence, (before + earlier + 1) as u64);
                }
                self.frames.push(given.clone());
                self.acknowledged += 1;
                if self.options.durability == Durability::Always {
                    self.durable = self.acknowledged;
                }
            }
            Err(AppendError::Poisoned { .. }) => self.frames.push(given.clone()),
            // A fault met the thread that prepares the next segment: the frame was refused before a byte of it was written.
            Err(AppendError::NoSpace) => {}
            Err(other) => panic!("{other}"),
        }
    }

    fn end_process(&mut self, cut: Option<u64>) {
        match cut {
            Some(seed) => self.fs.power_cut(seed),
            None => self.fs.kill(),
        }
        self.power_cut |= cut.is_some();
        self.journal = None;
    }

    fn reopen(&mut self) {
        let fs: Arc<dyn FileSystem> = Arc::new(self.fs.clone());
        let opened = Journal::open(fs.clone(), self.options.clone(), None);
        let (journal, recovery) = match opened {
            Ok(opened) => opened,
            // A fault that waited hit the opening. The next one has none.
            Err(_) => {
                self.fs.kill();
                open(&fs, &self.options)
            }
        };
        assert!(recovery.quarantined.is_empty(), "{recovery:?}");
        self.check(&journal);
        self.journal = Some(journal);
    }

    /// The journal holds exactly the records of a long enough prefix of the frames.
    fn check(&mut self, journal: &Journal) {
        let at_least = if self.power_cut {
            self.durable
        } else {
            self.acknowledged
        };
        let mut found = BTreeMap::new();
        let mut firsts = BTreeMap::new();
        for (StreamId(stream), bounds) in journal.streams() {
            let (left, may_have_left) = self.left.get(&stream).copied().unwrap_or_default();
            assert!(
                (left + 1..=may_have_left.max(left) + 1).contains(&bounds.first),
                "stream {stream} begins at {}, {left} have left and at most {may_have_left}",
                bounds.first
            );
            let records = read_all(journal, stream);
            assert!(records.iter().all(|record| record.kind == 7));
            let of_stream: BTreeMap<_, _> = records
                .into_iter()
                .map(|record| (record.sequence, record.head.to_vec()))
                .collect();
            self.left
                .insert(stream, (bounds.first - 1, may_have_left.max(left)));
            firsts.insert(stream, bounds.first);
            if bounds.last > 0 {
                found.insert(stream, (bounds.last, of_stream));
            }
        }
        let expected = |count: usize| remaining(project(&self.frames[..count]), &firsts);
        let prefix = (at_least..=self.frames.len()).find(|count| expected(*count) == found);
        let Some(prefix) = prefix else {
            panic!(
                "{at_least} of {} frames must be there: {:?}\nfound {:?}",
                self.frames.len(),
                short(&expected(at_least)),
                short(&found)
            );
        };
        // What was recovered and served is durable from here on.
        self.frames.truncate(prefix);
        self.acknowledged = prefix;
        self.durable = prefix;
        self.power_cut = false;
    }
}

/// Payloads by stream.
fn project(frames: &[Given]) -> BTreeMap<u64, Vec<Vec<u8>>> {
    let mut streams: BTreeMap<u64, Vec<Vec<u8>>> = BTreeMap::new();
    for (stream, payload) in frames.iter().flatten() {
        streams.entry(*stream).or_default().push(payload.clone());
    }
    streams
}

/// The newest sequence of each stream, and its records by their sequence.
pub(crate) type Held = BTreeMap<u64, (u64, BTreeMap<u64, Vec<u8>>)>;

/// What is to be there when each stream begins where `firsts` says: everything from there on, what is live before.
fn remaining(streams: BTreeMap<u64, Vec<Vec<u8>>>, firsts: &BTreeMap<u64, u64>) -> Held {
    let of_stream = |(stream, payloads): (u64, Vec<Vec<u8>>)| {
        let first = firsts.get(&stream).copied().unwrap_or(1);
        let last = payloads.len() as u64;
        let numbered = (1..).zip(payloads);
        let stays = numbered.filter(|(sequence, payload)| *sequence >= first || is_live(payload));
        (stream, (last, stays.collect()))
    };
    streams.into_iter().map(of_stream).collect()
}

/// For messages: the names at the start of the payloads.
fn short(streams: &Held) -> BTreeMap<u64, Vec<String>> {
    let name = |(sequence, payload): (&u64, &Vec<u8>)| {
        let payload = String::from_utf8_lossy(payload);
        format!("{sequence}:{}", payload.split(' ').next().unwrap_or(""))
    };
    streams
        .iter()
        .map(|(stream, (_, records))| (*stream, records.iter().map(name).collect()))
        .collect()
}

/// The first frame makes a group of its own; on its answer the writer thread queues all others, which so come into the
/// next group together, whatever the timing.
fn submit_together(journal: &Journal, given: &[Given]) -> Vec<Outcome> {
    let (sender, receiver) = mpsc::sync_channel(given.len());
    let mut frames = given.iter().map(|records| {
        frame(
            records
                .iter()
                .map(|(stream, payload)| entry(*stream, payload.clone())),
        )
    });
    let first: Frame = frames.next().expect("at least one frame");
    let rest: Vec<Frame> = frames.collect();
    let handle = journal.clone();
    let (done, answered) = mpsc::sync_channel(1);
    journal.append(
        first,
        Box::new(move |outcome| {
            drop(sender.send(outcome));
            for frame in rest {
                let sender = sender.clone();
                handle.append(frame, Box::new(move |outcome| drop(sender.send(outcome))));
            }
            drop(handle);
            done.send(()).ok();
        }),
    );
    answered.recv().expect("every append is answered");
    let outcomes: Vec<Outcome> = receiver.iter().collect();
    assert_eq!(outcomes.len(), given.len());
    outcomes
}
