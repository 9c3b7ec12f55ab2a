use std::collections::HashSet;

use super::*;
use crate::scenario::Target;

fn of_mode(mode: Mode) -> impl Iterator<Item = Scenario> {
    let asked_for = ALL.iter().filter(move |(_, modes)| modes.contains(&mode));
    asked_for.map(|(scenario, _)| *scenario)
}

#[test]
fn the_budgets_of_a_full_run_leave_time_for_the_plots_and_for_starting_things() {
    let seconds: u64 = of_mode(Mode::Full).map(|scenario| scenario.seconds).sum();
    assert!(seconds <= 490, "{seconds} s of rounds");
}

#[test]
fn no_two_scenarios_have_one_name() {
    let names: HashSet<_> = ALL.iter().map(|(scenario, _)| scenario.name).collect();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn times_and_sizes_are_to_be_small_and_rates_large() {
    for (scenario, _) in ALL {
        let is_rate = scenario.unit.ends_with("/s");
        let is_at_least = matches!(scenario.target, Target::AtLeast(_));
        assert_eq!(is_rate, is_at_least, "{}", scenario.name);
    }
}
