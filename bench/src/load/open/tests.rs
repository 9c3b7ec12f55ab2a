use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::*;
use crate::event::Shape;

const STALL: Duration = Duration::from_millis(200);

/// Answers each request on each connection; the very first one after [`STALL`].
async fn stalls_once(listener: TcpListener) {
    let first = Rc::new(Cell::new(true));
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let first = Rc::clone(&first);
        tokio::task::spawn_local(async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(1..) = stream.read(&mut buffer).await {
                if first.replace(false) {
                    sleep(STALL).await;
                }
                let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer).await.expect("an answer");
            }
        });
    }
}

async fn load(rate: f64, during: Duration) -> Tally {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let load = Load {
        to: listener.local_addr().expect("an address"),
        server: std::process::id(),
        shape: Shape::plain(),
        connections: 1,
        first_id: 0,
    };
    tokio::task::spawn_local(stalls_once(listener));
    run(&load, rate, during).await.expect("a load")
}

#[tokio::test]
async fn what_a_stall_holds_up_is_late_by_the_schedule_and_none_is_left_out() {
    let tally = LocalSet::new()
        .run_until(load(100.0, Duration::from_millis(300)))
        .await;
    assert_eq!((tally.acknowledged, tally.errors), (30, 0));
    let held_up = tally.timeline.iter().filter(|(at, nanos)| {
        let since = at - tally.timeline[0].0;
        // What was due this long before the stall ended waited for the rest of it, although it was sent after it.
        *nanos + since + 1 >= clock::nanos(STALL)
    });
    assert_eq!(held_up.count(), 30);
    let waited = tally.latencies.percentiles();
    assert!(waited.max >= 200.0 && waited.p50 >= 40.0, "{waited:?}");
}

#[test]
fn events_are_due_at_even_intervals_from_the_start_on() {
    assert_eq!(due(0, 10), 1);
    assert_eq!(due(9, 10), 1);
    assert_eq!(due(10, 10), 2);
    assert_eq!(due(95, 10), 10);
}
