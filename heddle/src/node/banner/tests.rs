use std::time::Duration;

use super::*;

fn opened() -> Opened {
    Opened {
        created: false,
        records_scanned: 12,
        cut_bytes: 0,
        quarantined: Vec::new(),
        lost: Vec::new(),
        view_rebuilt: None,
        took: Duration::from_millis(5),
    }
}

fn facts(opened: Opened) -> Facts {
    Facts {
        ingress: "http://127.0.0.1:8080".to_owned(),
        admin: "http://127.0.0.1:9090".to_owned(),
        data: PathBuf::from("/var/lib/heddle"),
        durability: Durability::Always,
        opened,
        broker: Some("default/default".to_owned()),
        token_file: None,
        counts: Counts {
            brokers: 1,
            triggers: 1,
            sources: 0,
        },
    }
}

#[test]
fn the_banner_says_where_how_durable_and_what_to_paste() {
    let text = facts(Opened {
        created: true,
        ..opened()
    })
    .banner();
    for expected in [
        "http://127.0.0.1:8080",
        "http://127.0.0.1:9090",
        "/var/lib/heddle",
        "on disk (fdatasync) before it is answered 202",
        "a new data directory",
        "curl -i http://127.0.0.1:8080/default/default",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("WARNING"), "{text}");
}

#[test]
fn recovery_tells_what_was_cut_and_rebuilt() {
    assert_eq!(recovery(&opened()), "ready after 5 ms, 12 records looked through");
    let cut = Opened {
        cut_bytes: 53,
        view_rebuilt: Some("it was missing".to_owned()),
        ..opened()
    };
    let text = recovery(&cut);
    assert!(
        text.contains("cut 53 bytes") && text.contains("it was missing"),
        "{text}"
    );
}

#[test]
fn a_relaxed_mode_says_what_may_be_lost() {
    let relaxed = Facts {
        durability: Durability::Os,
        ..facts(opened())
    };
    assert!(relaxed.banner().contains("RELAXED"));
}

#[test]
fn damage_and_a_token_are_in_the_banner() {
    let mut facts = facts(Opened {
        quarantined: vec!["00001.seg: bad checksum".to_owned()],
        lost: vec!["events of default/default 3 to 5".to_owned()],
        ..opened()
    });
    facts.token_file = Some(PathBuf::from("/etc/token"));
    let text = facts.banner();
    assert!(
        text.contains("DAMAGED") && text.contains("bad checksum") && text.contains("default/default 3 to 5"),
        "{text}"
    );
    assert!(text.contains("Bearer $(cat '/etc/token')"), "{text}");
}
