//! What a clean close leaves: a later loss at the journal's end is told from a write that was cut short, and which
//! sequences are lost is known exactly.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::sim::{Operation, SimFs};
use journal::{EndState, FileSystem, Journal, Lost, Options, Recovery, StreamId, inspect};

use crate::damage::read_around_damage;
use crate::simulation::Held;
use crate::support::{append, entry, frame, open, read_all, small, texts};

/// What happens to a journal that was closed.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    /// So many thousandths of the newest segment's bytes stay; `None`: its file is gone.
    pub(crate) stays: Option<usize>,
    /// The rest is zeros rather than cut off.
    pub(crate) zeroed: bool,
    /// The first opening dies before this change to files whose name ends so, and the power goes.
    pub(crate) interrupted: Option<(u64, &'static str, u64)>,
}

const DIRECTORY: &str = "/journal";

fn reopen(sim: &SimFs) -> (Journal, Recovery) {
    open(&(Arc::new(sim.clone()) as Arc<dyn FileSystem>), &small(DIRECTORY))
}

fn segments(sim: &SimFs, directory: &Path) -> Vec<PathBuf> {
    let mut files = sim.files();
    files.retain(|file| file.parent() == Some(directory) && file.extension() == Some("seg".as_ref()));
    files
}

fn closed_file() -> PathBuf {
    Path::new(DIRECTORY).join("CLOSED")
}

/// Takes the end of the newest segment away. Whether anything that was written went with it.
fn damage_end(sim: &SimFs, directory: &Path, damage: &Damage) -> bool {
    let newest = segments(sim, directory)
        .pop()
        .expect("a journal that was opened has a segment");
    let Some(stays) = damage.stays else {
        sim.remove(&newest).expect("it is there");
        sim.sync_dir(directory).expect("no faults wait");
        return true;
    };
    let bytes = sim.contents(&newest).expect("it is there");
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .expect("it has a header")
        + 1;
    let stays = end * stays / 1000;
    let mut left = bytes.clone();
    if damage.zeroed {
        left[stays..].fill(0);
    } else {
        left.truncate(stays);
    }
    sim.put(&newest, &left);
    bytes[stays..].iter().any(|byte| *byte != 0)
}

/// Damages a journal that was closed and checks what two openings and an inspection make of it. `held` is all that was ever given
/// to it; `retired` says that some of that has left by a rule, and with it perhaps what said so.
pub(crate) fn check_lost_end(sim: &SimFs, options: &Options, damage: &Damage, held: &Held, retired: bool) {
    let what = format!("{damage:?}");
    // That it was closed may not have become durable: an injected fault.
    sim.sync_dir(&options.directory).expect("a copy has no faults");
    let is_damaged = damage_end(sim, &options.directory, damage);
    let inspected = inspect(sim, &options.directory, StreamId(0), &mut |_| {}).expect("no faults wait");
    assert_eq!(inspected.end, EndState::Closed, "{what}");
    assert!(!is_damaged || inspected.is_damaged(), "{what}: {inspected:?}");
    let fs: Arc<dyn FileSystem> = Arc::new(sim.clone());
    if let Some((nth, of, seed)) = damage.interrupted {
        sim.die_before(nth, of);
        let interrupted = Journal::open(fs.clone(), options.clone(), None);
        sim.power_cut(seed);
        drop(interrupted);
    }
    let mut first_lost = None;
    for opening in 0..2 {
        let (journal, recovery) = open(&fs, options);
        assert!(
            !is_damaged || !recovery.quarantined.is_empty(),
            "{what}, opening {opening}: it is not said: {recovery:?}"
        );
        for (stream, (last, _)) in held {
            let next = journal.next(StreamId(*stream));
            // Without the mark of what has left, that counts as lost as well, and streams go on behind it.
            assert!(
                next == last + 1 || (retired && is_damaged && next > *last),
                "{what}, opening {opening}: stream {stream} stood at {last} and goes on at {next}"
            );
        }
        first_lost.get_or_insert(recovery.lost);
        sim.kill();
        drop(journal);
    }
    let first_lost = first_lost.expect("it was opened");
    let missing = missing_after(&fs, options, held, &what, retired);
    if !retired {
        assert_eq!(
            places(&inspected.lost),
            missing,
            "{what}: what an inspection names"
        );
        assert!(
            damage.interrupted.is_some() || places(&first_lost) == missing,
            "{what}: what an opening names: {first_lost:?}, missing are {missing:?}"
        );
    }
}

/// What is not there any more; each of it is answered as damaged, once there is a record behind it.
fn missing_after(
    fs: &Arc<dyn FileSystem>,
    options: &Options,
    held: &Held,
    what: &str,
    retired: bool,
) -> BTreeSet<(u64, u64)> {
    let (journal, _) = open(fs, options);
    for (stream, (last, _)) in held {
        let next = append(&journal, frame([entry(*stream, "next")])).expect("a healthy disk");
        assert!(retired || next.sequences[..] == [last + 1], "{what}");
    }
    let seen = read_around_damage(&journal);
    let mut missing = BTreeSet::new();
    for (stream, (_, records)) in held {
        let first = journal.bounds(StreamId(*stream)).map_or(1, |bounds| bounds.first);
        for (sequence, payload) in records {
            let place = (*stream, *sequence);
            match seen.read.get(&place) {
                Some(read) => assert_eq!(read.as_bytes(), &payload[..], "{what}: {place:?}"),
                None if retired && *sequence < first => {}
                None => assert!(missing.insert(place), "a sequence comes once"),
            }
        }
    }
    assert!(
        missing.is_subset(&seen.damaged),
        "{what}: nobody says that {:?} are missing",
        missing.difference(&seen.damaged)
    );
    assert!(
        retired || missing == seen.damaged,
        "{what}: {:?} are called damaged and are not missing",
        seen.damaged.difference(&missing)
    );
    missing
}

fn places(lost: &[Lost]) -> BTreeSet<(u64, u64)> {
    let sequences = lost
        .iter()
        .map(|lost| (lost.from..=lost.to).map(|sequence| (lost.stream.0, sequence)));
    sequences.flatten().collect()
}

/// A journal of three segments with records of three streams, and what it held.
fn three_segments() -> (SimFs, Held) {
    let sim = SimFs::new();
    let (journal, _) = reopen(&sim);
    let mut held: BTreeMap<u64, (u64, BTreeMap<u64, Vec<u8>>)> = BTreeMap::new();
    for n in 0_u64.. {
        if journal.stats().segments == 3 && n % 7 == 6 {
            break;
        }
        let payloads: Vec<_> = (0..=n % 3)
            .map(|stream| (stream, format!("{n}.{stream} {}", "x".repeat(300)).into_bytes()))
            .collect();
        let given = payloads
            .iter()
            .map(|(stream, payload)| entry(*stream, payload.clone()));
        let committed = append(&journal, frame(given)).unwrap();
        for ((stream, payload), sequence) in payloads.into_iter().zip(committed.sequences) {
            let (last, records) = held.entry(stream).or_default();
            *last = sequence;
            records.insert(sequence, payload);
        }
    }
    journal.close();
    (sim, held)
}

#[test]
fn whatever_is_cut_off_after_a_close_is_named_exactly_wherever_the_repair_is_interrupted() {
    let (sim, held) = three_segments();
    for stays in (0..1000).step_by(37).map(Some).chain([Some(999), None]) {
        for zeroed in [false, true] {
            let mut interruptions = vec![None];
            for of in [".seg", ".new", "CLOSED"] {
                interruptions.extend((1..12).map(|nth| Some((nth, of, nth * 31))));
            }
            for interrupted in interruptions {
                let damage = Damage {
                    stays,
                    zeroed,
                    interrupted,
                };
                check_lost_end(&sim.fork(), &small(DIRECTORY), &damage, &held, false);
            }
        }
    }
}

#[test]
fn whole_records_of_a_group_that_is_cut_short_stay_and_a_damaged_table_changes_nothing_of_it() {
    let sim = SimFs::new();
    let (journal, _) = reopen(&sim);
    append(&journal, frame([entry(0, "before")])).unwrap();
    append(&journal, frame([entry(0, "whole"), entry(0, "x".repeat(300))])).unwrap();
    journal.close();
    let newest = segments(&sim, Path::new(DIRECTORY)).pop().unwrap();
    let mut bytes = sim.contents(&newest).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() - 100;
    bytes.truncate(end);
    sim.put(&newest, &bytes);
    let (journal, recovery) = reopen(&sim);
    let lost = BTreeSet::from([(0, 3)]);
    assert_eq!(places(&recovery.lost), lost);
    append(&journal, frame([entry(0, "later")])).unwrap();
    journal.close();
    for at in end..sim.contents(&newest).unwrap().len() {
        let sim = sim.fork();
        sim.flip_bit(&newest, at as u64, 3).unwrap();
        let (journal, _) = reopen(&sim);
        let seen = read_around_damage(&journal);
        assert_eq!(seen.damaged, lost, "a bit of byte {at} flipped");
        assert_eq!(seen.read[&(0, 2)], "whole");
    }
}

#[test]
fn all_segments_gone_after_a_close_are_a_loss_of_everything() {
    let (sim, held) = three_segments();
    for segment in segments(&sim, Path::new(DIRECTORY)) {
        sim.remove(&segment).unwrap();
    }
    let found = inspect(&sim, Path::new(DIRECTORY), StreamId(0), &mut |_| {}).unwrap();
    let (journal, recovery) = reopen(&sim);
    assert_eq!(
        recovery.quarantined[0].file,
        "000000000001.seg to 000000000003.seg"
    );
    let everything: Vec<_> = held
        .iter()
        .map(|(stream, (last, _))| Lost {
            stream: StreamId(*stream),
            from: 1,
            to: *last,
        })
        .collect();
    assert_eq!((&recovery.lost, &found.lost), (&everything, &everything));
    journal.close();
    let (_, again) = reopen(&sim);
    assert_eq!(again.lost, [], "a loss is news once");
    assert!(
        !again.quarantined.is_empty(),
        "its place is named at each opening"
    );
}

#[test]
fn after_a_kill_nothing_is_written_down_and_a_tail_stays_a_tail() {
    let (sim, _) = three_segments();
    let (journal, recovery) = reopen(&sim);
    assert!(recovery.clean && recovery.lost.is_empty(), "{recovery:?}");
    assert!(sim.contents(&closed_file()).is_err(), "the journal goes on");
    append(&journal, frame([entry(0, "the last")])).unwrap();
    sim.kill();
    drop(journal);
    let newest = segments(&sim, Path::new(DIRECTORY)).pop().unwrap();
    let mut bytes = sim.contents(&newest).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end] ^= 1;
    sim.put(&newest, &bytes);
    let (_, recovery) = reopen(&sim);
    assert_eq!(
        (&recovery.quarantined[..], &recovery.lost[..]),
        (&[][..], &[][..])
    );
    assert!(recovery.cut_bytes > 0);
}

#[test]
fn a_file_of_an_earlier_close_is_not_believed() {
    let (sim, _) = three_segments();
    let earlier = sim.contents(&closed_file()).unwrap();
    for ends_with_a_kill in [false, true] {
        let sim = sim.fork();
        let (journal, _) = reopen(&sim);
        append(&journal, frame([entry(0, "later")])).unwrap();
        if ends_with_a_kill {
            sim.kill();
        } else {
            journal.close();
        }
        drop(journal);
        sim.put(&closed_file(), &earlier);
        let found = inspect(&sim, Path::new(DIRECTORY), StreamId(0), &mut |_| {}).unwrap();
        assert!(!found.is_damaged() && found.end == EndState::Open, "{found:?}");
        let (journal, recovery) = reopen(&sim);
        assert_eq!(recovery.quarantined, []);
        assert_eq!(texts(&read_all(&journal, 0)).pop().unwrap(), "later");
        assert!(
            sim.contents(&closed_file()).is_err(),
            "it is removed nevertheless"
        );
    }
}

#[test]
fn a_damaged_file_is_said_and_costs_nothing() {
    let (sim, held) = three_segments();
    let bytes = sim.contents(&closed_file()).unwrap();
    for at in 0..bytes.len() as u64 {
        let sim = sim.fork();
        sim.flip_bit(&closed_file(), at, u8::try_from(at % 7).unwrap())
            .unwrap();
        let found = inspect(&sim, Path::new(DIRECTORY), StreamId(0), &mut |_| {}).unwrap();
        assert!(
            matches!(found.end, EndState::Unreadable(_)) && found.is_damaged(),
            "{found:?}"
        );
        let (journal, recovery) = reopen(&sim);
        assert_eq!(recovery.quarantined[0].file, "CLOSED");
        for (stream, (last, _)) in &held {
            assert_eq!(read_all(&journal, *stream).len() as u64, *last);
        }
        assert!(sim.contents(&closed_file()).is_err());
    }
}

#[test]
fn a_close_that_cannot_be_written_down_is_a_close_nevertheless() {
    for operation in [Operation::Write, Operation::Sync, Operation::SyncDir] {
        let sim = SimFs::new();
        let (journal, _) = reopen(&sim);
        append(&journal, frame([entry(0, "kept")])).unwrap();
        // Whatever was asked of a directory has been done by then.
        let of = if operation == Operation::SyncDir {
            ""
        } else {
            "CLOSED.new"
        };
        sim.fail(operation, of, 1);
        journal.close();
        sim.power_cut(3);
        let (journal, recovery) = reopen(&sim);
        assert!(recovery.clean && recovery.quarantined.is_empty(), "{recovery:?}");
        assert_eq!(texts(&read_all(&journal, 0)), ["kept"]);
        assert_eq!(
            sim.files()
                .iter()
                .filter(|file| file.ends_with("CLOSED.new"))
                .count(),
            0
        );
    }
}

#[test]
fn a_loss_is_not_forgotten_while_there_is_no_room_to_record_it() {
    let (sim, held) = three_segments();
    let damage = Damage {
        stays: None,
        zeroed: false,
        interrupted: None,
    };
    damage_end(&sim, Path::new(DIRECTORY), &damage);
    for file in sim
        .files()
        .iter()
        .filter(|file| file.extension() == Some("spare".as_ref()))
    {
        sim.remove(file).unwrap();
    }
    sim.set_quota(Some(sim.used_bytes()));
    for _ in 0..2 {
        let (journal, recovery) = reopen(&sim);
        assert!(!recovery.lost.is_empty(), "{recovery:?}");
        for (stream, (last, _)) in &held {
            assert_eq!(journal.next(StreamId(*stream)), last + 1);
        }
        journal.close();
    }
    sim.set_quota(None);
    check_lost_end(
        &sim,
        &small(DIRECTORY),
        &Damage {
            stays: Some(1000),
            ..damage
        },
        &held,
        false,
    );
}

#[test]
fn a_backup_of_a_journal_that_is_open_does_not_say_that_it_was_closed() {
    let (sim, held) = three_segments();
    let (journal, _) = reopen(&sim);
    append(&journal, frame([entry(0, "more")])).unwrap();
    journal.backup(Path::new("/backup")).unwrap();
    let found = inspect(&sim, Path::new("/backup"), StreamId(0), &mut |_| {}).unwrap();
    assert!(found.end == EndState::Open && !found.is_damaged(), "{found:?}");
    let (restored, recovery) = open(&(Arc::new(sim) as Arc<dyn FileSystem>), &small("/backup"));
    assert_eq!(
        (&recovery.quarantined[..], &recovery.lost[..]),
        (&[][..], &[][..])
    );
    assert_eq!(read_all(&restored, 0).len() as u64, held[&0].0 + 1);
}
