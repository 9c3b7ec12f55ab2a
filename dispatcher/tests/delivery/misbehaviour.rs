//! Endpoints that misbehave, on a simulated clock: breakers, pauses, rates, and that nobody else notices.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{PausedBy, Step};
use dispatcher::{
    BackoffPolicy, BreakerPolicy, DeliveryPolicy, Dispatcher, EndpointState, HttpSink, Options, Rate, Sink,
    TriggerSpec,
};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{Witness, event, options, retries, trigger, trigger_for};
use crate::script::{Does, Script};

fn to(host: &str) -> HttpSink {
    HttpSink::new(host, format!("http://{host}/").parse().unwrap())
}

async fn start(engine: &FakeEngine, script: &Script, specs: Vec<TriggerSpec>) -> Dispatcher {
    let options = Options {
        transport: Arc::new(script.clone()),
        ..options(engine)
    };
    Dispatcher::start(options, specs).await.unwrap()
}

async fn publish(engine: &FakeEngine, count: usize) {
    for n in 0..count {
        engine.publish(event(&n.to_string(), "order.placed")).await;
    }
}

/// Ten retries, exponential from 200 ms, as when nobody says anything.
fn default_policy() -> DeliveryPolicy {
    DeliveryPolicy {
        retries: 10,
        backoff: Some(BackoffPolicy::Exponential),
        delay: Duration::from_millis(200),
        ..DeliveryPolicy::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_410_pauses_the_trigger_and_its_event_waits_as_it_is() {
    let script = Script::new(|_, n| {
        let status = [503, 410].get(n).copied().unwrap_or(200);
        Does::Answers(status, vec![])
    });
    let (engine, witness) = (FakeEngine::new(), Arc::new(Witness::default()));
    let options = Options {
        transport: Arc::new(script.clone()),
        observer: Arc::clone(&witness) as _,
        ..options(&engine)
    };
    let spec = TriggerSpec {
        delivery: retries(3),
        ..trigger("t", Sink::Http(to("sink")))
    };
    let _dispatcher = Dispatcher::start(options, vec![spec]).await.unwrap();
    engine.publish(event("1", "order.placed")).await;
    let pause = engine.paused("default/t").await;
    assert_eq!(pause.by, PausedBy::Gone);
    assert_eq!(
        pause.reason,
        "http://sink/ answered 410 Gone: it takes no events any more"
    );
    engine.publish(event("2", "order.placed")).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(
        script.asked("sink").len(),
        2,
        "nothing is sent while it is paused"
    );
    assert_eq!(
        engine.log("default/t").len(),
        1,
        "the first retry; the 410 settled nothing"
    );
    engine.resume("default/t");
    let log = engine.settled("default/t", 3).await;
    assert!(
        log[1..]
            .iter()
            .all(|settled| matches!(settled, Settled::Delivered { .. }))
    );
    let lines = witness.lines();
    assert!(
        lines.contains(&"1 -> sink Subscriber 200 attempt 2".to_owned()),
        "the 410 used no attempt: {lines:?}"
    );
    assert_eq!(lines.iter().filter(|line| line.contains("paused")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_410_of_the_dead_letter_sink_is_a_refusal_like_any_other() {
    let script = Script::new(|host, _| Does::Answers(if host == "dead" { 410 } else { 422 }, vec![]));
    let engine = FakeEngine::new();
    let spec = TriggerSpec {
        dead_letter_sink: Some(Sink::Http(to("dead"))),
        ..trigger("t", Sink::Http(to("sink")))
    };
    let _dispatcher = start(&engine, &script, vec![spec]).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 2).await;
    assert_eq!(log[1].dead_letter().failure.as_ref().unwrap().code, Some(422));
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_uses_no_attempts_and_the_end_of_the_outage_is_no_storm() {
    let outage = Duration::from_secs(600);
    let started = Instant::now();
    let script = Script::new(move |_, _| {
        if started.elapsed() < outage {
            Does::Answers(503, vec![])
        } else {
            Does::AnswersAfter(Duration::from_millis(100), 200)
        }
    });
    let engine = FakeEngine::new();
    let spec = TriggerSpec {
        delivery: default_policy(),
        ..trigger("t", Sink::Http(to("sink")))
    };
    let dispatcher = start(&engine, &script, vec![spec]).await;
    publish(&engine, 500).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let [endpoint] = dispatcher.handle().endpoints().try_into().unwrap();
    assert!(matches!(
        endpoint.state,
        EndpointState::Open | EndpointState::HalfOpen
    ));
    assert_eq!(endpoint.last_error.unwrap().code, Some(503));
    tokio::time::sleep(outage - started.elapsed()).await;
    let during = script.asked("sink").len();
    assert!(during < 60, "{during} requests in ten minutes of outage");
    let attempts = engine.log("default/t").iter().filter_map(attempts).max().unwrap();
    assert!(
        attempts < 10,
        "no event has come near its last attempt: {attempts}"
    );
    let log = engine.settled("default/t", during + 500).await;
    assert!(
        log.iter()
            .all(|settled| !matches!(settled, Settled::DeadLettered(_)))
    );
    // The first after the outage comes alone, then few, then more: each answer lets one more through.
    let after: Vec<_> = script.asked("sink")[during..].to_vec();
    let first = after[0];
    let within = |ms| {
        after
            .iter()
            .filter(|at| **at < first + Duration::from_millis(ms))
            .count()
    };
    assert_eq!(within(100), 1);
    assert!(
        within(200) <= 3 && within(300) <= 7,
        "{} and {}",
        within(200),
        within(300)
    );
    let [endpoint] = dispatcher.handle().endpoints().try_into().unwrap();
    assert_eq!((endpoint.state, endpoint.failures), (EndpointState::Closed, 0));
}

fn attempts(settled: &Settled) -> Option<u32> {
    match settled {
        Settled::RetryAt { progress } if progress.step == Step::Subscriber => Some(progress.attempts),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_with_retry_after_quiets_the_endpoint_and_not_the_one_event_only() {
    let script = Script::new(|_, n| match n {
        0 => Does::Answers(429, vec![("retry-after", "30".to_owned())]),
        _ => Does::Answers(200, vec![]),
    });
    let engine = FakeEngine::new();
    let one = |name: &str| TriggerSpec {
        delivery: retries(3),
        ..trigger(name, Sink::Http(to("sink")))
    };
    let dispatcher = start(&engine, &script, vec![one("a"), one("b")]).await;
    engine.publish(event("0", "order.placed")).await;
    engine.settled("default/a", 1).await;
    let asked = Instant::now();
    let before = script.asked("sink").len();
    publish(&engine, 20).await;
    tokio::time::sleep(Duration::from_millis(29_900) - asked.elapsed()).await;
    let [endpoint] = dispatcher.handle().endpoints().try_into().unwrap();
    assert_eq!(endpoint.state, EndpointState::Throttled);
    assert!(
        script.asked("sink").len() <= before,
        "something was sent while the endpoint had asked for a pause"
    );
    engine.settled("default/a", 22).await;
    engine.settled("default/b", 21).await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_met_at_the_endpoint_over_all_triggers_and_holds_nobody_else_up() {
    let script = Script::new(|_, _| Does::Answers(200, vec![]));
    let engine = FakeEngine::new();
    let limited = || {
        Sink::Http(HttpSink {
            rate: Some(Rate {
                requests: 40,
                per: Duration::from_secs(1),
            }),
            ..to("limited")
        })
    };
    let specs = vec![
        trigger("a", limited()),
        trigger("b", limited()),
        trigger("free", Sink::Http(to("free"))),
    ];
    let _dispatcher = start(&engine, &script, specs).await;
    let started = Instant::now();
    publish(&engine, 400).await;
    engine.settled("default/free", 400).await;
    assert!(
        started.elapsed() < Duration::from_millis(5),
        "{:?}",
        started.elapsed()
    );
    engine.settled("default/a", 400).await;
    engine.settled("default/b", 400).await;
    let asked = script.asked("limited");
    for second in 0..19 {
        let from = started + Duration::from_secs(second);
        let inside = asked
            .iter()
            .filter(|at| (from..from + Duration::from_secs(1)).contains(*at));
        let inside = inside.count();
        assert!(
            (38..=42).contains(&inside),
            "{inside} in second {second}, at 40 a second"
        );
    }
    assert!(
        engine
            .log("default/a")
            .iter()
            .all(|settled| matches!(settled, Settled::Delivered { .. }))
    );
}

#[tokio::test(start_paused = true)]
async fn three_hundred_and_fifty_triggers_that_always_fail_begin_slowly() {
    let under_way = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    let counted = Arc::clone(&under_way);
    let script = Script::new(move |host, _| {
        *counted.lock().entry(host.to_owned()).or_default() += 1;
        Does::Hangs
    });
    let engine = FakeEngine::new();
    let specs = (0..350).map(|n| {
        trigger_for(
            &format!("t{n}"),
            &format!("t{n}"),
            Sink::Http(to(&format!("h{n}"))),
        )
    });
    let dispatcher = start(&engine, &script, specs.collect()).await;
    for n in 0..350 {
        for e in 0..20 {
            engine.publish(event(&e.to_string(), &format!("t{n}"))).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let most = under_way.lock().values().copied().max().unwrap();
    assert!(
        most <= dispatcher::limits::SLOW_START,
        "{most} at one endpoint at once"
    );
    let all: usize = under_way.lock().values().sum();
    let bound = dispatcher::limits::IN_FLIGHT_MAX + 350;
    assert!(all <= bound, "{all} at once over all, at most {bound}");
    let endpoints = dispatcher.handle().endpoints();
    assert!(
        endpoints.iter().all(|endpoint| endpoint.waiting <= 1),
        "one claim a trigger waits"
    );
    assert_eq!(endpoints.len(), 350);
}

#[tokio::test(start_paused = true)]
async fn among_a_thousand_triggers_no_healthy_delivery_waits_for_a_sick_one() {
    const BASELINE: Duration = Duration::from_millis(7);
    let script = Script::new(|host, n| match host {
        "dead" => Does::Answers(503, vec![]),
        "hanging" => Does::Hangs,
        "flapping" if (n / 15) % 2 == 0 => Does::Answers(500, vec![]),
        _ => Does::AnswersAfter(BASELINE, 200),
    });
    let engine = FakeEngine::new();
    let sick = ["dead", "hanging", "flapping"].map(|host| TriggerSpec {
        delivery: default_policy(),
        ..trigger(host, Sink::Http(to(host)))
    });
    let healthy = (0..997).map(|n| {
        trigger_for(
            &format!("t{n}"),
            &format!("t{n}"),
            Sink::Http(to(&format!("h{n}"))),
        )
    });
    let _dispatcher = start(&engine, &script, sick.into_iter().chain(healthy).collect()).await;
    // Every event goes to the three sick ones and to one of the healthy.
    let mut sent: HashMap<usize, Vec<Instant>> = HashMap::new();
    for n in 0..600_usize {
        let healthy = (n * 7) % 997;
        sent.entry(healthy).or_default().push(Instant::now());
        engine
            .publish(event(&n.to_string(), &format!("t{healthy}")))
            .await;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    tokio::time::sleep(BASELINE).await;
    for (healthy, sent) in sent {
        let came = script.asked(&format!("h{healthy}"));
        assert_eq!(
            came, sent,
            "trigger {healthy}: each event is sent in the moment in which it is stored"
        );
        let log = engine.log(&format!("default/t{healthy}"));
        assert_eq!(log.len(), came.len(), "and settled when it is answered");
    }
    assert!(script.asked("dead").len() > 10 && script.asked("hanging").len() >= 8);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_off_leaves_nobody_alone() {
    let script = Script::new(|_, _| Does::Answers(503, vec![]));
    let engine = FakeEngine::new();
    let sink = Sink::Http(HttpSink {
        breaker: None,
        ..to("sink")
    });
    let _dispatcher = start(&engine, &script, vec![trigger("t", sink)]).await;
    publish(&engine, 100).await;
    let started = Instant::now();
    engine.settled("default/t", 100).await;
    assert!(started.elapsed() < Duration::from_millis(5));
    assert_eq!(script.asked("sink").len(), 100);
}

#[tokio::test(start_paused = true)]
async fn an_endpoints_own_timeout_cuts_the_policys() {
    let script = Script::new(|_, _| Does::Hangs);
    let engine = FakeEngine::new();
    let sink = Sink::Http(HttpSink {
        timeout: Some(Duration::from_secs(2)),
        breaker: Some(BreakerPolicy::default()),
        ..to("sink")
    });
    let _dispatcher = start(&engine, &script, vec![trigger("t", sink)]).await;
    let started = Instant::now();
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 1).await;
    let failure = log[0].dead_letter().failure.clone().unwrap();
    assert_eq!(failure.message, "did not answer within 2 s");
    assert!(started.elapsed() < Duration::from_secs(3));
}
