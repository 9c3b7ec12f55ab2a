//! Replays the fuzz corpus: what the fuzzers begin with, and what they once found, holds in every test run.

#[path = "../../fuzz/src/checks.rs"]
pub mod checks;
#[path = "../../fuzz/src/engine.rs"]
pub mod engine;

use harness::repository;

#[test]
fn every_input_of_the_corpus_keeps_its_promise() {
    for (target, check) in checks::ALL.into_iter().chain(engine::ALL) {
        let folder = repository::top().join("fuzz/corpus").join(target);
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for entry in entries {
            let path = entry.expect("a folder can be listed").path();
            println!("{}", path.display());
            check(&std::fs::read(&path).expect("an input can be read"));
            count += 1;
        }
        assert!(count > 0, "{target} has a corpus to begin with");
    }
}
