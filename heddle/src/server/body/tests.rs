use axum::body::Body;
use futures_util::stream;

use super::*;

fn chunked(chunks: Vec<Vec<u8>>) -> Request<Body> {
    let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
    Request::new(Body::from_stream(stream::iter(chunks)))
}

async fn kind(request: Request<Body>, bytes_max: usize, admission: &Admission) -> Option<Kind> {
    read(request, bytes_max, admission)
        .await
        .err()
        .map(|problem| problem.kind)
}

#[tokio::test]
async fn a_body_is_read_whole_and_holds_its_bytes() {
    let admission = Admission::new(1_000_000);
    let declared = read(Request::new(Body::from("hello")), 10, &admission)
        .await
        .unwrap();
    assert_eq!(&declared.body[..], b"hello");
    assert!(declared.permit.bytes() >= 5);
    let growing = read(chunked(vec![b"hel".to_vec(), b"lo".to_vec()]), 10, &admission)
        .await
        .unwrap();
    assert_eq!(&growing.body[..], b"hello");
    drop((declared, growing));
    assert_eq!(admission.bytes_free(), 1_000_000);
}

#[tokio::test]
async fn the_limit_is_inclusive_for_declared_and_unknown_lengths() {
    let admission = Admission::new(1_000_000);
    assert_eq!(
        kind(Request::new(Body::from(vec![0; 10])), 10, &admission).await,
        None
    );
    assert_eq!(
        kind(Request::new(Body::from(vec![0; 11])), 10, &admission).await,
        Some(Kind::TooLarge)
    );
    assert_eq!(
        kind(chunked(vec![vec![0; 5], vec![0; 5]]), 10, &admission).await,
        None
    );
    assert_eq!(
        kind(chunked(vec![vec![0; 5], vec![0; 6]]), 10, &admission).await,
        Some(Kind::TooLarge)
    );
}

#[tokio::test]
async fn without_room_in_the_budget_the_producer_is_put_off() {
    let admission = Admission::new(100_000);
    let held = admission.try_admit(99_999).unwrap();
    let problem = read(Request::new(Body::from(vec![0; 10])), 100, &admission)
        .await
        .unwrap_err();
    assert_eq!(
        (problem.kind, problem.retry_after_seconds),
        (Kind::Overloaded, Some(1))
    );
    assert_eq!(
        kind(chunked(vec![vec![0; 10]]), 100, &admission).await,
        Some(Kind::Overloaded)
    );
    drop(held);
    assert_eq!(kind(chunked(vec![vec![0; 10]]), 100, &admission).await, None);
}

#[tokio::test]
async fn a_growing_body_takes_more_of_the_budget_as_it_comes() {
    let admission = Admission::new(10_000_000);
    let step = limits::BODY_ADMIT_STEP_BYTES;
    let admitted = read(
        chunked(vec![vec![0; step], vec![0; step], vec![0; 1]]),
        4 * step,
        &admission,
    )
    .await
    .unwrap();
    assert_eq!(admitted.permit.bytes(), 3 * step);
}
