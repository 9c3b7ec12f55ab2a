use super::*;

#[test]
fn only_a_running_process_is_ready() {
    let phase = Phase::default();
    assert_eq!(phase.reason().as_deref(), Some("heddle is starting"));
    phase.running();
    assert_eq!(phase.reason(), None);
    phase.draining();
    assert_eq!(phase.reason().as_deref(), Some("heddle is stopping"));
}

#[test]
fn every_state_of_storage_but_ready_has_its_reason() {
    assert_eq!(storage_reason(&Health::Ready), None);
    let failed = storage_reason(&Health::Failed { reason: "EIO".into() }).unwrap();
    assert!(failed.contains("EIO"), "{failed}");
    assert!(storage_reason(&Health::NoSpace).unwrap().contains("full"));
    assert!(storage_reason(&Health::Closed).is_some());
}
