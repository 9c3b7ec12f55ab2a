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
    let space = SpaceReport {
        reserve_bytes: 64 << 20,
        free_bytes: Some(5 << 20),
        free_bytes_min: 128 << 20,
        ..SpaceReport::default()
    };
    let said = |health: Health| reason(&health, &space);
    assert_eq!(said(Health::Ready), None);
    let failed = said(Health::Failed { reason: "EIO".into() }).unwrap();
    assert!(failed.contains("EIO"), "{failed}");
    let full = said(Health::NoSpace).unwrap();
    assert!(
        full.contains("full (5 MiB free, 128 MiB are left to others)"),
        "{full}"
    );
    assert!(full.contains("507") && full.contains("64 MiB are left"), "{full}");
    let low = said(Health::ReserveLow).unwrap();
    assert!(
        low.contains("deliveries have stopped") && low.contains("by themselves"),
        "{low}"
    );
    assert!(said(Health::Closed).is_some());
}
