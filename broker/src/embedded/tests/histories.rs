//! Random histories of state records end in the same state however they are applied: straight on; again from a
//! checkpoint, with a view that is ahead of it; from a snapshot that was taken while they were applied.
//!
//! **A new kind of record** goes into [`change`]: every kind that the engine writes, with values that meet those of
//! the other kinds (the same few subscriptions and sequences).

use std::collections::VecDeque;

use journal::sim::SimFs;
use journal::{CommitListener, Entry, Frame, Journal, Record};
use parking_lot::Mutex;
use proptest::prelude::*;
use smallvec::SmallVec;

use super::*;
use crate::embedded::key::Key;
use crate::embedded::memory::TailMemory;
use crate::embedded::open::recover;
use crate::embedded::rebuild::{self, Rebuilt};
use crate::embedded::records::{
    AT_THE_DOOR, DeadLetterMeta, DedupedRecord, Fate, ForgottenRecord, Held, Item, Leave, LetterGone,
    LettersGoneRecord, PausedRecord, ReleasedRecord, STATE, SideRecord, SideSpec, SoughtRecord,
    SubscribedRecord, TypeSeenRecord, dead_letter_entry,
};
use crate::embedded::snapshot::Taking;
use crate::embedded::view::keys::{Class, class};
use crate::embedded::view::{Checkpoint, Pair, SubscriptionState, View};
use crate::{Pause, PausedBy, Position, SchemaMismatch, SideEnd, SideKind};

const EVENTS: u64 = 16;
const LETTERS: u64 = 17;
/// Chunks of a snapshot are a quarter of this.
const SEGMENT_BYTES: u64 = 512;

/// One frame of a history.
#[derive(Clone, Debug)]
enum Change {
    Frame(Vec<Entry>),
    /// The letter of this cause leaves, if the index has one at this moment.
    Gone(SubscriptionId, u64),
}

fn change() -> impl Strategy<Value = Change> {
    let one = |record: StateRecord| Change::Frame(vec![record.entry()]);
    prop_oneof![
        1 => id().prop_map(move |id| one(subscribed(id))),
        6 => prop::collection::vec(item(), 1..4).prop_map(move |items| one(StateRecord::Settlements(items))),
        1 => (0..2_u8, any::<u8>()).prop_map(move |(key, state)| one(StateRecord::SourceState(SourceState {
            key: format!("ping/{key}"),
            state: vec![state],
        }))),
        1 => (id(), 0..20_u64).prop_map(move |(id, floor)| one(StateRecord::Progress(vec![(id, floor)]))),
        1 => (id(), 0..20_u64, "[a-c]").prop_map(move |(id, after, ty)| {
            let filter = Filter::Exact("type".into(), ty);
            one(StateRecord::Filtered(FilteredRecord { id, filter, after }))
        }),
        1 => (id(), prop::option::of(0..9_u64)).prop_map(move |(id, at)| {
            let pause = at.map(|at| Pause {
                by: PausedBy::Operator,
                reason: "maintenance".into(),
                at: Timestamp(at),
            });
            one(StateRecord::Paused(PausedRecord { id, pause }))
        }),
        3 => (id(), 1..20_u64).prop_map(|(id, sequence)| dead_letter(id, sequence)),
        3 => (id(), 1..20_u64).prop_map(|(id, sequence)| Change::Gone(id, sequence)),
        2 => (1..20_u64).prop_map(kept),
        2 => (1..12_u64).prop_map(|sequence| Change::Gone(AT_THE_DOOR, sequence)),
        2 => (0..50_u64, prop::collection::vec((0..4_u8, 0..2_u8), 1..4)).prop_map(move |(until, pairs)| {
            let pair = |(key, fingerprint)| crate::embedded::dedupe::Pair {
                key: [key; 16],
                fingerprint: [fingerprint; 16],
            };
            one(StateRecord::Deduped(DedupedRecord {
                stream: EVENTS,
                until: Timestamp(until),
                pairs: pairs.into_iter().map(pair).collect(),
            }))
        }),
        2 => (id(), 0..20_u64, 0..3_u64).prop_map(move |(id, after, skipped)| {
            one(StateRecord::Sought(SoughtRecord { id, after, skipped }))
        }),
        1 => (id(), side_id()).prop_map(move |(id, beside)| {
            one(StateRecord::Forgotten(ForgottenRecord { ids: vec![beside, id] }))
        }),
        3 => side().prop_map(move |record| one(StateRecord::Side(record))),
        1 => (id(), 1..20_u64, 0..50_u64).prop_map(move |(id, sequence, at)| {
            let (key, at) = (key_of(sequence), Timestamp(at));
            one(StateRecord::Released(ReleasedRecord { id, sequence, key, at }))
        }),
        1 => "[a-c]".prop_map(move |ty| one(StateRecord::TypeSeen(TypeSeenRecord {
            stream: EVENTS,
            at: Timestamp(7),
            source: Some(format!("/{ty}")),
            data_schema: None,
            content_type: None,
            sample: None,
            ty,
        }))),
    ]
}

/// Of a trigger's own subscription.
fn id() -> impl Strategy<Value = SubscriptionId> {
    (1..4_u64).prop_map(SubscriptionId)
}

/// Of one that runs beside a trigger.
fn side_id() -> impl Strategy<Value = SubscriptionId> {
    (4..7_u64).prop_map(SubscriptionId)
}

fn side() -> impl Strategy<Value = SideRecord> {
    let started = (side_id(), id(), 1..9_u64, any::<bool>()).prop_map(|(id, of, from, is_replay)| {
        SideRecord::Started(SideSpec {
            id,
            kind: if is_replay {
                SideKind::Replay
            } else {
                SideKind::Redrive
            },
            of,
            stream: EVENTS,
            from,
            until: from + 5,
            rate: None,
            filter: Filter::everything(),
            at: Timestamp(from),
        })
    });
    let ended = (side_id(), 0..9_u64).prop_map(|(id, at)| SideRecord::Ended {
        id,
        how: SideEnd::Finished,
        at: Timestamp(at),
    });
    let extended = (side_id(), 1..20_u64).prop_map(|(id, until)| SideRecord::Extended { id, until });
    prop_oneof![3 => started, 2 => ended, 1 => extended]
}

/// An event has one key.
fn key_of(sequence: u64) -> Key {
    Key::named(["a", "b"].get(usize::try_from(sequence % 3).unwrap()).copied())
}

fn held() -> impl Strategy<Value = Held> {
    (0..6_u8, 0..50_u64, 0..50_u64).prop_map(|(which, at, since)| {
        let (at, since, progress) = (Timestamp(at), Timestamp(since), Box::default());
        match which {
            0 => Held::Retry { at, progress },
            1 => Held::Blocked { at, since, progress },
            2 => Held::Parked { since, progress },
            _ => Held::Behind,
        }
    })
}

fn item() -> impl Strategy<Value = Item> {
    let fate = prop_oneof![
        2 => Just(Fate::Settled(Outcome::Delivered)),
        1 => Just(Fate::Settled(Outcome::DeadLetterSink)),
        1 => Just(Fate::Unreadable),
        1 => Just(Fate::Expired),
        5 => (0..50_u64, 1..5_u32).prop_map(|(at, attempts)| Fate::Retry {
            at: Timestamp(at),
            progress: Box::new(Progress { attempts, ..Progress::default() }),
        }),
    ];
    let held = prop::option::of(held());
    let id = prop_oneof![3 => id(), 1 => side_id()];
    (id, 1..20_u64, 0..3_u64, fate, held).prop_map(|(subscription, sequence, covers, fate, held)| Item {
        subscription,
        sequence,
        covers: covers.min(sequence - 1),
        fate: match held {
            Some(held) => Fate::Held {
                key: key_of(sequence),
                held,
            },
            None => fate,
        },
    })
}

fn subscribed(id: SubscriptionId) -> StateRecord {
    StateRecord::Subscribed(SubscribedRecord {
        id,
        name: name(&format!("t{}", id.0)),
        broker: name("b"),
        after: id.0 - 1,
    })
}

/// A dead letter with the settlement of its cause.
fn dead_letter(id: SubscriptionId, sequence: u64) -> Change {
    let cause = Position {
        stream: EVENTS,
        sequence,
    };
    let meta = DeadLetterMeta {
        broker: name("b"),
        trigger: Some(name("t")),
        subscription: id,
        cause,
        reason: DeadLetterReason::Refused,
        failure: None,
        attempts: 1,
        hops: None,
        side: None,
        at: Timestamp(0),
    };
    let item = Item {
        subscription: id,
        sequence,
        covers: 0,
        fate: Fate::Settled(Outcome::DeadLetterStore),
    };
    Change::Frame(vec![
        dead_letter_entry(LETTERS, &meta, &event(sequence)),
        StateRecord::Settlements(vec![item]).entry(),
    ])
}

/// A dead letter that no subscription has.
fn kept(id: u64) -> Change {
    let mismatch = SchemaMismatch {
        schema: name("s"),
        misfits: Vec::new(),
    };
    let meta = DeadLetterMeta::at_the_door(&name("b"), &mismatch, 9, Timestamp(id));
    Change::Frame(vec![dead_letter_entry(LETTERS, &meta, &event(id))])
}

/// What a history ends in.
#[derive(Debug, PartialEq)]
struct State {
    applied: u64,
    subscriptions: Vec<(SubscriptionId, SubscriptionState)>,
    waiting: Vec<(u64, u64, u64)>,
    view: Vec<Pair>,
}

impl State {
    fn of(shared: &Shared) -> Self {
        let (applied, subscriptions) = shared.collect_states();
        let waiting = shared.all_subscriptions().into_iter();
        Self {
            applied,
            subscriptions,
            waiting: waiting
                .map(|sub| sub.status(0))
                .map(|status| (status.waiting_retry, status.behind, status.parked_keys))
                .collect(),
            view: shared.view().dump(),
        }
    }
}

/// What is committed and not applied yet.
#[derive(Clone, Default)]
struct Gathered(Arc<Mutex<VecDeque<Record>>>);

impl CommitListener for Gathered {
    fn committed(&mut self, records: Vec<Record>) {
        self.0.lock().extend(records);
    }
}

/// A journal, and an engine over it without threads.
struct World {
    journal: Journal,
    gathered: Gathered,
    shared: Arc<Shared>,
}

fn engine(journal: &Journal, view: View, applied: u64) -> Arc<Shared> {
    Arc::new(Shared::new(
        "/data".into(),
        journal.clone(),
        view,
        applied,
        SEGMENT_BYTES,
        Arc::new(ManualClock::default()),
        TailMemory::new(1 << 20),
    ))
}

/// An engine that was started with this view.
fn started(journal: &Journal, view: View, start: &Rebuilt) -> Arc<Shared> {
    let shared = engine(journal, view, start.applied);
    let contents = shared.view().contents().unwrap();
    recover(&shared, &contents, start).unwrap();
    shared
}

fn empty_view() -> View {
    View::in_memory(Path::new("/data/view"))
}

impl World {
    fn new() -> Self {
        let gathered = Gathered::default();
        let (journal, _) = Journal::open(
            Arc::new(SimFs::new()),
            journal::Options {
                segment_bytes: 1 << 20,
                ..journal::Options::new("/data/journal")
            },
            Some(Box::new(gathered.clone())),
        )
        .unwrap();
        let shared = engine(&journal, empty_view(), 0);
        let world = Self {
            journal,
            gathered,
            shared,
        };
        let streams = StateRecord::Streams(StreamsRecord {
            broker: name("b"),
            events: EVENTS,
            dead_letters: LETTERS,
        });
        let first = vec![streams.entry(), subscribed(SubscriptionId(1)).entry()];
        world.commit(Change::Frame(first));
        world
    }

    fn commit(&self, change: Change) {
        let entries = match change {
            Change::Frame(entries) => entries,
            Change::Gone(subscription, sequence) => {
                let stream = match subscription {
                    AT_THE_DOOR => LETTERS,
                    _ => EVENTS,
                };
                let cause = Position { stream, sequence };
                let found = self.shared.view().dead_letter(subscription, cause).unwrap();
                let Some(letter) = found else { return };
                let letters = vec![LetterGone {
                    subscription,
                    cause,
                    copy: letter.copy,
                }];
                let how = match sequence % 3 {
                    0 => Leave::Purged,
                    1 => Leave::Redriven,
                    _ => Leave::Expired,
                };
                vec![StateRecord::LettersGone(LettersGoneRecord { how, letters }).entry()]
            }
        };
        let (answer, answered) = std::sync::mpsc::channel();
        let frame = Frame {
            purpose: Purpose::Upkeep,
            entries: SmallVec::from_vec(entries),
        };
        self.journal
            .append(frame, Box::new(move |done| answer.send(done).unwrap()));
        answered.recv().unwrap().unwrap();
    }

    /// Applies what is committed but for the last `lag` records.
    fn apply(&self, lag: usize) {
        loop {
            let mut gathered = self.gathered.0.lock();
            if gathered.len() <= lag {
                return;
            }
            let record = gathered.pop_front().unwrap();
            drop(gathered);
            self.shared.apply_record(record);
            assert_eq!(self.shared.halted(), None);
        }
    }
}

/// Where in a history something happens, and how far the engine is behind the journal.
#[derive(Clone, Copy, Debug)]
struct Plan {
    checkpoint: usize,
    crash: usize,
    snapshot: usize,
    lag: usize,
    /// Changes between two chunks.
    pace: usize,
}

fn plan() -> impl Strategy<Value = Plan> {
    (0..40_usize, 0..40_usize, 0..40_usize, 0..4_usize, 1..4_usize).prop_map(
        |(checkpoint, more, snapshot, lag, pace)| Plan {
            checkpoint,
            crash: checkpoint + more,
            snapshot,
            lag,
            pace,
        },
    )
}

/// A view as sled had it at a crash: facts as of the crash, states as of the checkpoint.
fn crashed(
    facts: Vec<Pair>,
    (applied, states): (u64, Vec<(SubscriptionId, SubscriptionState)>),
) -> (View, Rebuilt) {
    let view = empty_view();
    let primary = |(key, _): &Pair| class(key[0]) != Class::Derived;
    view.load(facts.into_iter().filter(primary).collect()).unwrap();
    view.checkpoint(&Checkpoint {
        applied,
        subscriptions: states,
        ..Default::default()
    })
    .unwrap();
    let start = Rebuilt {
        applied,
        ..Rebuilt::default()
    };
    (view, start)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_history_ends_in_one_state_however_it_is_applied(
        history in prop::collection::vec(change(), 1..60),
        plan in plan(),
    ) {
        let world = World::new();
        let mut checkpoint = (0, vec![]);
        let mut at_crash = vec![];
        let mut taking = None;
        for (index, change) in history.into_iter().enumerate() {
            world.commit(change);
            world.apply(plan.lag);
            if index <= plan.checkpoint {
                checkpoint = world.shared.collect_states();
            }
            if index <= plan.crash {
                at_crash = world.shared.view().dump();
            }
            if index == plan.snapshot {
                let mut begun = Taking::new(&world.shared);
                begun.begin().unwrap();
                taking = Some(begun);
            }
            if index % plan.pace == 0 && let Some(taking) = &mut taking
                && let Some(chunk) = taking.read_chunk().unwrap()
            {
                taking.append_chunk(chunk).unwrap();
            }
        }
        let is_snapshot_taken = taking.is_some();
        if let Some(mut taking) = taking {
            while let Some(chunk) = taking.read_chunk().unwrap() {
                taking.append_chunk(chunk).unwrap();
            }
            taking.finish().unwrap();
        }
        world.apply(0);
        let straight = State::of(&world.shared);
        prop_assert_eq!(straight.applied, world.journal.bounds(STATE).unwrap().last);

        let filled = empty_view();
        prop_assert_eq!(world.shared.fill_again(&filled).unwrap(), straight.applied);
        prop_assert_eq!(&filled.dump(), &straight.view, "while the engine runs");
        let again = started(&world.journal, empty_view(), &Rebuilt::default());
        prop_assert_eq!(&State::of(&again), &straight, "from the start");
        let (view, start) = crashed(at_crash, checkpoint);
        let after_crash = started(&world.journal, view, &start);
        prop_assert_eq!(&State::of(&after_crash), &straight, "from a checkpoint");
        let view = empty_view();
        let start = rebuild::fill(&world.journal, &view).unwrap();
        prop_assert_eq!(start.snapshots.last.is_some(), is_snapshot_taken);
        let rebuilt = started(&world.journal, view, &start);
        prop_assert_eq!(&State::of(&rebuilt), &straight, "from a snapshot");
    }
}
