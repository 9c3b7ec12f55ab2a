use super::*;
use crate::sim::SimFs;

const STEPS: u64 = 3;

fn shared(sim: &SimFs, reserve: usize) -> Shared {
    let directory = PathBuf::from("/journal");
    sim.create_dir(&directory).expect("a directory");
    let mut options = Options::new(&directory);
    options.segment_bytes = STEPS * limits::INITIALISED_BYTES;
    options.reserve_segments = reserve;
    Shared {
        fs: Arc::new(sim.clone()),
        directory,
        segment_bytes: options.segment_bytes,
        reserve,
        free_bytes_min: 0,
        space: Arc::new(Space::new(&options)),
        state: Mutex::default(),
        changed: Condvar::new(),
    }
}

#[test]
fn the_next_segment_is_initialised_and_the_reserve_is_not() {
    let sim = SimFs::new();
    let shared = shared(&sim, 2);
    shared.fill(&mut NextName::default()).expect("a disk with room");
    assert_eq!(shared.state.lock().prepared.len(), 3);
    assert_eq!(sim.counts().writes, STEPS, "zeros go into one file of three");
}

#[test]
fn who_waits_for_a_segment_does_not_wait_for_zeros() {
    let sim = SimFs::new();
    let shared = shared(&sim, 0);
    shared.state.lock().awaited = 1;
    shared.fill(&mut NextName::default()).expect("a disk with room");
    assert_eq!(shared.state.lock().prepared.len(), 1);
    assert_eq!(sim.counts().writes, 0);
}

#[test]
fn a_file_that_cannot_be_initialised_is_not_kept() {
    let sim = SimFs::new();
    let shared = shared(&sim, 0);
    sim.fail(crate::sim::Operation::Write, SPARE_SUFFIX, 2);
    shared
        .fill(&mut NextName::default())
        .expect_err("the disk failed");
    assert_eq!(shared.state.lock().prepared.len(), 0);
    assert_eq!(sim.files(), Vec::<PathBuf>::new());
}

#[test]
fn what_an_earlier_life_initialised_is_taken_first() {
    let sim = SimFs::new();
    shared(&sim, 2)
        .fill(&mut NextName::default())
        .expect("a disk with room");
    let next = shared(&sim, 2);
    next.adopt();
    let last = next.state.lock().prepared.pop().expect("three files");
    assert!(
        last.path.ends_with(format!("000003{SPARE_SUFFIX}")),
        "{:?}",
        last.path
    );
}
