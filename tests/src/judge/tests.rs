use super::*;

fn account(trigger: &str, owed: &[u64], possible: &[u64], taken: &[(u64, u32)]) -> Account {
    let once = |times| Taken {
        times,
        repeated: 0,
        life: 1,
    };
    Account {
        trigger: trigger.to_owned(),
        owed: owed.iter().copied().collect(),
        possible: possible.iter().copied().collect(),
        taken: taken.iter().map(|(n, times)| (*n, once(*times))).collect(),
        altered: Vec::new(),
    }
}

#[test]
fn what_came_as_it_was_owed_is_clean() {
    let verdicts = judge(&[account("t", &[1, 2], &[1, 2, 3], &[(1, 1), (2, 1), (3, 1)])]);
    assert!(verdicts[0].is_clean(), "{}", verdicts[0]);
}

#[test]
fn lost_events_are_told_apart_by_where_they_were() {
    let owed: Vec<u64> = (1..=9).collect();
    let verdict = &judge(&[account("t", &owed, &owed, &[(3, 1), (5, 1), (7, 1)])])[0];
    assert_eq!(verdict.lost_prefix, [1, 2]);
    assert_eq!(verdict.lost_middle, [4, 6]);
    assert_eq!(verdict.lost_postfix, [8, 9]);
    assert_eq!(verdict.lost(), 6);
    assert!(!verdict.is_clean());
}

#[test]
fn a_trigger_that_got_nothing_lost_everything() {
    let verdict = &judge(&[account("t", &[1, 2], &[1, 2], &[])])[0];
    assert_eq!(verdict.lost_prefix, [1, 2]);
}

#[test]
fn an_event_that_one_trigger_got_is_owed_to_all_that_match_it() {
    let got = account("got", &[], &[1, 2], &[(1, 1)]);
    let missed = account("missed", &[], &[1, 2], &[]);
    let other = account("other", &[], &[2], &[]);
    let verdicts = judge(&[got, missed, other]);
    assert_eq!(verdicts[1].diverged, [1]);
    assert!(verdicts[0].is_clean() && verdicts[2].is_clean());
}

#[test]
fn duplicates_are_counted_and_excused_only_by_a_crash() {
    let mut account = account("t", &[1, 2], &[1, 2], &[(1, 3), (2, 1)]);
    let verdict = &judge(std::slice::from_ref(&account))[0];
    assert_eq!(verdict.duplicated, 2);
    assert!(verdict.is_clean());
    account.taken.get_mut(&1).unwrap().repeated = 1;
    assert!(!judge(&[account])[0].is_clean());
}

#[test]
fn what_was_never_sent_is_unexpected() {
    let verdict = &judge(&[account("t", &[1], &[1], &[(1, 1), (2, 1)])])[0];
    assert_eq!(verdict.unexpected, [2]);
    assert!(!verdict.is_clean());
}
