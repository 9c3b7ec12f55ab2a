use super::*;

#[test]
fn the_limit_is_never_less_than_twice_what_has_to_stay() {
    let retain = Retain {
        bytes: 1000,
        ..Retain::default()
    };
    let weights = |kept, snapshot| Weights {
        on_disk: 0,
        kept,
        snapshot,
        segment: 10,
    };
    assert_eq!(retain.bytes_limit(&weights(0, 0)), 1000);
    assert_eq!(retain.bytes_limit(&weights(485, 0)), 1000);
    assert_eq!(retain.bytes_limit(&weights(600, 50)), 1330);
}
