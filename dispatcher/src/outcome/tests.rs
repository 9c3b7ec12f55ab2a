use super::*;

#[test]
fn every_status_is_judged_as_the_data_plane_table_says() {
    for code in 100..=999 {
        let expected = match code {
            200..300 => Verdict::Success,
            404 | 408 | 409 | 425 | 429 | 500..600 => Verdict::Retry,
            410 => Verdict::Gone,
            600..=999 => Verdict::Retry,
            _ => Verdict::Refused,
        };
        assert_eq!(verdict(StatusCode::from_u16(code).unwrap()), expected, "{code}");
    }
}
