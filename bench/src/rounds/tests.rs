use std::collections::VecDeque;

use super::*;

/// Plays figures that are given, and writes down who was asked when.
struct Given {
    ours: VecDeque<f64>,
    yardstick: VecDeque<f64>,
    asked: std::rc::Rc<std::cell::RefCell<String>>,
}

impl Contest for Given {
    async fn yardstick(&mut self) -> Result<Sample> {
        self.asked.borrow_mut().push('y');
        Ok(Sample::of(self.yardstick.pop_front().expect("a figure")))
    }

    async fn ours(&mut self) -> Result<Sample> {
        self.asked.borrow_mut().push('o');
        Ok(Sample::of(self.ours.pop_front().expect("a figure")))
    }

    async fn close(&mut self) -> Result<Closing> {
        self.asked.borrow_mut().push('.');
        Ok(Closing::default())
    }
}

/// Each side of a round takes a second.
struct Slow(std::rc::Rc<std::cell::RefCell<usize>>);

impl Contest for Slow {
    async fn yardstick(&mut self) -> Result<Sample> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Sample::of(1.0))
    }

    async fn ours(&mut self) -> Result<Sample> {
        *self.0.borrow_mut() += 1;
        self.yardstick().await
    }

    async fn close(&mut self) -> Result<Closing> {
        Ok(Closing::default())
    }
}

fn pace(rounds: usize, least: usize, seconds: u64) -> Pace {
    let budget = Duration::from_secs(seconds);
    Pace {
        rounds,
        least,
        budget,
    }
}

const SCENARIO: Scenario = Scenario {
    name: "given",
    what: "",
    against: "",
    unit: "",
    target: Target::AtLeast(0.5),
    seconds: 1,
};

#[tokio::test]
async fn sides_take_turns_and_the_ratio_is_the_median_of_the_rounds() {
    let asked = std::rc::Rc::default();
    let given = Given {
        ours: [6.0, 50.0, 1.0].into(),
        yardstick: [10.0, 100.0, 10.0].into(),
        asked: std::rc::Rc::clone(&asked),
    };
    let outcome = play(SCENARIO, pace(3, 3, 60), given).await.expect("a contest");
    assert_eq!(*asked.borrow(), "yoyoyo.");
    assert_eq!(outcome.ratio, Some(0.5));
    assert_eq!(outcome.ratio_spread, Some([0.1, 0.6]));
    assert_eq!((outcome.ours, outcome.yardstick), (Some(6.0), Some(10.0)));
    assert_eq!(outcome.reached, Some(true));
}

#[test]
fn the_median_of_an_even_number_lies_between_the_middle_two() {
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    assert_eq!(median(&[]), None);
}

#[test]
fn a_target_is_reached_in_its_own_direction() {
    assert_eq!(Target::AtLeast(0.75).reached(0.8), Some(true));
    assert_eq!(Target::AtMost(1.0).reached(1.2), Some(false));
    assert_eq!(Target::Report.reached(0.0), None);
}

#[tokio::test(start_paused = true)]
async fn no_round_is_begun_for_which_there_is_no_time_but_the_least_are_played() {
    for (least, played) in [(1, 2), (3, 3)] {
        let asked = std::rc::Rc::default();
        let slow = Slow(std::rc::Rc::clone(&asked));
        let outcome = play(SCENARIO, pace(5, least, 5), slow).await.expect("a contest");
        assert_eq!(*asked.borrow(), played);
        assert_eq!(outcome.notes, [format!("{played} of 5 rounds: they took long")]);
    }
}

#[test]
fn a_target_is_reached_at_its_very_figure_and_by_less_or_more() {
    let outcome = |target, ours, yardstick| {
        let scenario = Scenario { target, ..SCENARIO };
        let closing = Closing::default();
        let samples = |value| vec![Sample::of(value)];
        Outcome::of(scenario, samples(ours), samples(yardstick), closing).reached
    };
    assert_eq!(outcome(Target::AtMost(1.5), 3.0, 2.0), Some(true));
    assert_eq!(outcome(Target::AtMost(1.5), 3.1, 2.0), Some(false));
    assert_eq!(outcome(Target::AtLeast(1.5), 3.0, 2.0), Some(true));
    assert_eq!(outcome(Target::AtLeast(1.5), 2.9, 2.0), Some(false));
}

#[test]
fn a_closing_may_take_the_target_back() {
    let closing = Closing {
        target: Some(Target::Report),
        ..Closing::default()
    };
    let outcome = Outcome::of(SCENARIO, vec![Sample::of(1.0)], vec![Sample::of(9.0)], closing);
    assert_eq!((outcome.target, outcome.reached), (None, None));
    assert_eq!(outcome.direction, "report");
}

#[test]
fn a_ratio_of_nothing_to_nothing_is_not_reached() {
    let outcome = Outcome::of(
        SCENARIO,
        vec![Sample::of(0.0)],
        vec![Sample::of(0.0)],
        Closing::default(),
    );
    assert_eq!(outcome.reached, Some(false));
}
