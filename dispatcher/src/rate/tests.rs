use super::*;

/// Sends as soon as it may, each time so many milliseconds late; when each request went.
fn sent(rate: Rate, start: Timestamp, end: Timestamp, late: impl Fn(u64) -> u64) -> Vec<Timestamp> {
    let mut bucket = Bucket::new(rate, start);
    let (mut now, mut sent) = (start, Vec::new());
    loop {
        let ready = bucket.ready_at();
        if ready > now {
            now = Timestamp(ready.0 + late(sent.len() as u64));
        }
        if now > end {
            return sent;
        }
        bucket.sent(now);
        sent.push(now);
    }
}

fn rate(requests: u32, per_ms: u64) -> Rate {
    Rate {
        requests,
        per: Duration::from_millis(per_ms),
    }
}

#[test]
fn the_rate_is_met_within_five_percent_whatever_timers_do() {
    for (requests, per_ms) in [
        (1, 1000),
        (7, 1000),
        (50, 1000),
        (333, 1000),
        (5_000, 1000),
        (10, 60_000),
    ] {
        for late in [0, 1, 20] {
            let (start, seconds) = (Timestamp(5_000_000), 600);
            let end = start.after(Duration::from_secs(seconds));
            let sent = sent(rate(requests, per_ms), start, end, |n| {
                if n % 2 == 0 { late } else { 0 }
            });
            let allowed = f64::from(requests) * (seconds * 1000) as f64 / per_ms as f64;
            let ratio = sent.len() as f64 / allowed;
            assert!(
                (0.95..=1.0).contains(&ratio) || (sent.len() as f64 - allowed).abs() <= 1.0,
                "{requests} in {per_ms} ms, {late} ms late: {ratio}"
            );
        }
    }
}

#[test]
fn no_stretch_of_time_sees_more_than_the_rate_and_the_slack() {
    let rate = rate(200, 1000);
    let start = Timestamp(1_000);
    let sent = sent(rate, start, Timestamp(61_000), |n| {
        if n % 100 == 99 { 5_000 } else { 0 }
    });
    for window in [100, 1000, 10_000] {
        let most = (rate.requests as u64 * window / 1000) + 200 * 50 / 1000 + 1;
        for (first, at) in sent.iter().enumerate() {
            let inside = sent[first..]
                .iter()
                .take_while(|other| other.0 < at.0 + window)
                .count() as u64;
            assert!(inside <= most, "{inside} in {window} ms, at most {most}");
        }
    }
}

#[test]
fn a_restart_brings_no_burst() {
    // A process that is started anew each second sends no more than one that runs on.
    let mut all = 0;
    for second in 0..100_u64 {
        let start = Timestamp(second * 1000);
        all += sent(rate(20, 1000), start, Timestamp(start.0 + 999), |_| 0).len();
    }
    assert!((1_900..=2_000).contains(&all), "{all} in 100 s at 20 a second");
}

#[test]
fn the_first_request_waits_for_no_more_than_a_second() {
    let bucket = Bucket::new(rate(1, 3_600_000), Timestamp(10_000));
    assert_eq!(bucket.ready_at(), Timestamp(11_000));
    let bucket = Bucket::new(rate(1_000_000, 1), Timestamp(10_000));
    assert!(bucket.ready_at() <= Timestamp(10_001));
}
