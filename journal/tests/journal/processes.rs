//! The journal across real processes: the lock, and what a killed process leaves.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use journal::{FileSystem, Journal, OpenError, RealFs};

use crate::support::{append, entry, frame, open, read_all, small};

/// Names the directory to the process that the test starts.
const DIRECTORY: &str = "HEDDLE_TEST_JOURNAL_DIRECTORY";

/// Does nothing in an ordinary run: the body of the process that the next test starts and kills.
#[test]
fn a_process_that_appends_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
    let (journal, _) = open(&fs, &small(directory));
    for n in 1_u64.. {
        append(
            &journal,
            frame([entry(1, n.to_string()), entry(2, n.to_string())]),
        )
        .unwrap();
        println!("\nacknowledged {n}");
    }
}

#[test]
fn a_second_process_is_kept_out_and_takes_over_what_a_killed_one_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
    let mut acknowledged = 0;
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "processes::a_process_that_appends_until_it_is_killed",
                "--nocapture",
            ])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledgements = output.map_while(Result::ok).filter_map(|line| {
            let (_, number) = line.split_once("acknowledged ")?;
            number.parse::<usize>().ok()
        });
        let in_this_life = acknowledgements.nth(100).expect("the process appends");
        let refused = Journal::open(fs.clone(), small(&directory), None);
        let refused = refused.expect_err("the directory is taken");
        assert!(
            matches!(refused, OpenError::Locked { holder: Some(id), .. } if id == child.id()),
            "{refused:?}"
        );
        assert!(
            refused.to_string().contains(&format!("process {}", child.id())),
            "{refused}"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged += acknowledgements.last().unwrap_or(in_this_life);
        let (journal, recovery) = open(&fs, &small(&directory));
        assert_eq!(recovery.quarantined, []);
        assert_eq!(read_all(&journal, 1).len(), read_all(&journal, 2).len());
        assert!(
            read_all(&journal, 1).len() >= acknowledged,
            "{acknowledged} were acknowledged"
        );
        acknowledged = read_all(&journal, 1).len();
    }
}
