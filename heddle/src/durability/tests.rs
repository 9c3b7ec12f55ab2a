use std::time::Duration;

use super::*;

#[test]
fn every_mode_says_what_may_be_lost() {
    let interval = Durability::Interval(Duration::from_millis(250));
    assert_eq!(name(interval), "interval:250ms");
    assert!(promise(interval).contains("RELAXED") && promise(interval).contains("the last 250 ms"));
    assert!(promise(Durability::Os).contains("RELAXED"));
    assert!(promise(Durability::Always).contains("loses none"));
    assert!(!promise(Durability::Always).contains("RELAXED"));
}
