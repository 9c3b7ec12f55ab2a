//! Patterns against a matcher that tries everything.

use proptest::prelude::*;

use super::Pattern;

/// Matches one character at a time and tries every length for `%`.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
        ['_', rest @ ..] => !text.is_empty() && naive(rest, &text[1..]),
        ['\\', special @ ('%' | '_'), rest @ ..] => text.first() == Some(special) && naive(rest, &text[1..]),
        [exact, rest @ ..] => text.first() == Some(exact) && naive(rest, &text[1..]),
    }
}

proptest! {
    #[test]
    fn a_pattern_matches_what_trying_everything_matches(pattern in r"[ab😀%_\\]{0,8}", text in r"[ab😀%_\\]{0,8}") {
        let characters = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(Pattern::new(&pattern).matches(&text), naive(&characters(&pattern), &characters(&text)));
    }

    #[test]
    fn no_pattern_or_text_panics(pattern in any::<String>(), text in any::<String>()) {
        Pattern::new(&pattern).matches(&text);
    }
}

#[test]
fn a_hostile_pattern_takes_no_exponential_time() {
    let pattern = Pattern::new(&("%a_".repeat(200) + "%b"));
    assert!(!pattern.matches(&"a".repeat(2000)));
}
