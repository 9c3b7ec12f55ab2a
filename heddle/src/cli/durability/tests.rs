use super::*;

#[test]
fn the_three_modes_are_read_and_nothing_else() {
    assert_eq!(parse("always"), Ok(Durability::Always));
    assert_eq!(parse("os"), Ok(Durability::Os));
    let interval = Durability::Interval(Duration::from_millis(100));
    assert_eq!(parse("interval:100ms"), Ok(interval));
    for text in [
        "",
        "Always",
        "interval",
        "os:1s",
        "never",
        "interval:soon",
        "interval:0s",
        "interval:2m",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}
