use super::*;

fn sweep() -> Sweep {
    let point = |x, events_per_second, yardstick_events_per_second| Point {
        x,
        events_per_second,
        yardstick_events_per_second,
        p99_ms: 1.5,
    };
    Sweep {
        name: "payload",
        title: "Ingest",
        against: "data",
        amount: Amount::Bytes,
        points: vec![point(128.0, 500.0, Some(50_000.0)), point(8192.0, 25_000.0, None)],
    }
}

#[test]
fn a_curve_has_a_dot_for_each_value_and_the_largest_is_at_the_top() {
    let svg = sweep().svg();
    assert_eq!(svg.matches("<circle class=\"ours").count(), 4);
    assert_eq!(svg.matches("<circle class=\"bare").count(), 1);
    assert!(svg.contains("cx=\"100.0\" cy=\"90.0\""), "{svg}");
    assert!(svg.contains("cx=\"620.0\" cy=\"185.0\""), "{svg}");
}

#[test]
fn axes_and_amounts_have_their_units() {
    let svg = sweep().svg();
    for said in [
        ">50k</text>",
        ">128 B</text>",
        ">8 KiB</text>",
        "(events/s)",
        "(ms)",
    ] {
        assert!(svg.contains(said), "{said} is not in {svg}");
    }
}

#[test]
fn an_axis_ends_at_or_above_the_largest_value_in_even_steps() {
    for (value, steps) in [
        (
            25_000.0,
            vec![0.0, 5000.0, 10_000.0, 15_000.0, 20_000.0, 25_000.0],
        ),
        (0.9, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (3.1, vec![0.0, 1.0, 2.0, 3.0, 4.0]),
    ] {
        let axis = Axis::up_to(value);
        assert!(axis.most >= value && axis.most < 1.5 * value, "{axis:?}");
        let found: Vec<String> = axis.steps().map(short).collect();
        assert_eq!(found, steps.into_iter().map(short).collect::<Vec<_>>());
    }
    assert!(Axis::up_to(0.0).most > 0.0);
}

#[test]
fn amounts_are_told_as_people_choose_them() {
    assert_eq!(Amount::Count.text(1024.0), "1024");
    assert_eq!(Amount::Count.text(500_000.0), "500k");
    assert_eq!(Amount::Bytes.text(262_144.0), "256 KiB");
}

#[test]
fn numbers_are_short() {
    for (value, text) in [
        (0.0, "0"),
        (0.25, "0.25"),
        (1.5, "1.5"),
        (300.0, "300"),
        (1000.0, "1k"),
        (25_000.0, "25k"),
        (1_000_000.0, "1M"),
    ] {
        assert_eq!(short(value), text);
    }
}
