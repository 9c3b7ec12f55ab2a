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

const SCENARIO: Scenario = Scenario {
    name: "given",
    what: "",
    against: "",
    unit: "",
    target: Target::AtLeast(0.5),
};

#[tokio::test]
async fn sides_take_turns_and_the_ratio_is_the_median_of_the_rounds() {
    let asked = std::rc::Rc::default();
    let given = Given {
        ours: [6.0, 50.0, 1.0].into(),
        yardstick: [10.0, 100.0, 10.0].into(),
        asked: std::rc::Rc::clone(&asked),
    };
    let outcome = play(SCENARIO, 3, given).await.expect("a contest");
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
