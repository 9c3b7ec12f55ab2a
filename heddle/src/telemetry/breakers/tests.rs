use super::*;

#[test]
fn an_endpoint_that_flaps_is_logged_once() {
    let breakers = Breakers::default();
    assert_eq!(breakers.say("a"), Some(0));
    assert!(breakers.was_said("a"));
    for _ in 0..100 {
        assert_eq!(breakers.say("a"), None);
        assert!(!breakers.was_said("a"));
    }
    assert_eq!(breakers.say("b"), Some(0), "another endpoint is another matter");
}
