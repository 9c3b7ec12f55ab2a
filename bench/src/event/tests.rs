use super::*;

fn text(request: &mut Request, first: u64, at: u64) -> String {
    String::from_utf8(request.stamp(first, at).0.to_vec()).expect("text")
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn a_request_says_the_length_of_its_body() {
    for batch in [1, 100] {
        let text = text(&mut Shape::plain().batches(batch).render(), 7, 8);
        let said = text.split("content-length: ").nth(1).expect("a length");
        let said = said.split_once('\r').expect("a line").0;
        assert_eq!(said, body(&text).len().to_string());
    }
}

#[test]
fn an_event_has_the_data_that_were_asked_for() {
    let text = text(&mut Shape::plain().render(), 0x4d2, 12);
    assert_eq!(body(&text).len(), 1024);
    assert!(text.contains("ce-id: 00000000000004d2\r\n"));
    let data: serde_json::Value = serde_json::from_str(body(&text)).expect("JSON");
    assert_eq!(data["id"], "00000000000004d2");
    assert_eq!(scheduled(body(&text).as_bytes()), Some(12));
}

#[test]
fn the_events_of_a_batch_have_ids_in_a_row_and_their_sum() {
    let mut request = Shape::plain().batches(3).render();
    let (bytes, sum) = request.stamp(10, 5);
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let events: Vec<serde_json::Value> = serde_json::from_str(body(&text)).expect("JSON");
    let ids: Vec<_> = events.iter().filter_map(|event| event["id"].as_str()).collect();
    assert_eq!(ids, ["000000000000000a", "000000000000000b", "000000000000000c"]);
    let alone = |id| {
        let mut request = Shape::plain().render();
        request.stamp(id, 5).1
    };
    assert_eq!(sum, alone(10).wrapping_add(alone(11)).wrapping_add(alone(12)));
}

#[test]
fn other_data_or_another_id_has_another_fingerprint() {
    assert_ne!(fingerprint(1, b"a"), fingerprint(1, b"b"));
    assert_ne!(fingerprint(1, b"a"), fingerprint(2, b"a"));
}

#[test]
fn numbers_take_turns() {
    let shape = Shape {
        path: "/default/b####".to_owned(),
        numbers: 1000,
        received_numbers: 1000,
        ..Shape::plain()
    };
    let mut request = shape.render();
    assert!(text(&mut request, 1023, 0).starts_with("POST /default/b0023 "));
    assert!(text(&mut request, 999, 0).starts_with("POST /default/b0999 "));
}

#[test]
fn what_nobody_is_to_receive_is_not_in_the_sum() {
    let shape = Shape {
        numbers: 10,
        received_numbers: 7,
        ..Shape::plain()
    };
    let mut request = shape.render();
    let plain = Shape::plain().render().stamp(16, 0).1;
    assert_eq!(request.stamp(16, 0).1, plain);
    assert_eq!(request.stamp(17, 0).1, 0);
}
