use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::stream;
use hyper::body::{Frame, SizeHint};

use super::*;

fn chunked(chunks: Vec<Vec<u8>>) -> Request<Body> {
    let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
    Request::new(Body::from_stream(stream::iter(chunks)))
}

/// A body of declared length that comes in pieces, as a large one does from a socket.
struct Pieces(VecDeque<&'static [u8]>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.pop_front();
        Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
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
async fn the_pieces_of_a_body_are_put_together_in_order() {
    let admission = Admission::new(1_000_000);
    for (pieces, whole) in [
        (vec![], &b""[..]),
        (vec![&b"one"[..]], b"one"),
        (vec![&b""[..], b"one", b"", b"two", b"three"], b"onetwothree"),
    ] {
        let body = Request::new(Pieces(pieces.into()));
        let read = read(body, 100, &admission)
            .await
            .expect("a body within the limit");
        assert_eq!(&read.body[..], whole);
    }
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
