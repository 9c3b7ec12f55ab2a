//! How problems look, and that no secret is in what is shown.

use anstream::adapter::strip_str;

use super::super::load::{LoadError, PathError, from_texts, load};
use super::super::report::Counts;
use super::super::resolve::resolve;
use super::{BROKER, loaded};

fn shown(yaml: &str) -> String {
    strip_str(&resolve(&loaded(yaml, &[])).report.render()).to_string()
}

#[test]
fn a_problem_shows_its_line_with_a_caret_and_what_would_be_right() {
    let yaml = format!(
        "{BROKER}apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {{name: b}}\nspec:\n  delivry: {{}}\n"
    );
    assert_eq!(
        shown(&yaml),
        "\
f.yaml:9:3: error: unknown field \"delivry\" in spec
    9 |   delivry: ***
      |   ^
      = help: did you mean \"delivery\"?
"
    );
}

#[test]
fn help_may_have_several_lines() {
    let yaml = "\
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: p}
spec:
  sink: {ref: {apiVersion: v1, kind: Service, name: s}}
";
    assert_eq!(
        shown(yaml),
        "\
f.yaml:5:53: error: no Endpoint stands for the Service \"s\" in namespace \"default\"
    5 |   sink: {ref: {apiVersion: v1, kind: Service, name: s}}
      |                                                     ^
      = help: add this:
        ---
        apiVersion: heddle.dev/v1
        kind: Endpoint
        metadata:
          name: s
          namespace: default
        spec:
          url: http://127.0.0.1:8081 # where s listens
"
    );
}

#[test]
fn no_secret_is_shown_wherever_it_stands() {
    let documents = [
        "apiVersion: heddle.dev/v1\nkind: Endpoint\nmetadata: {name: e}\nspec: {url: 5, headers: {A: hunter2}, pasword: hunter2}\n",
        "apiVersion: heddle.dev/v1\nkind: Endpoint\nmetadata: {name: e}\nspec:\n  url: http://h\n  headers: {A: hunter2, A: hunter2}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: hunter2}\nstringData: [hunter2]\n",
        "apiVersion: heddle.dev/v1\nkind: WebhookSource\nmetadata: {name: w}\nspec:\n  path: x\n  auth: {bearr: hunter2}\n  \
         sink: {uri: 'http://h'}\n",
        "apiVersion: heddle.dev/v1\nkind: NatsSource\nmetadata: {name: n}\nspec:\n  url: nats://x:hunter2@h\n  subject: s\n  \
         credentials: {user: u, password: hunter2, toke: hunter2}\n  sink: {uri: 'http://h'}\n",
        "apiVersion: heddle.dev/v1\nkind: Endpoint\nmetadata: {name: e}\nspec: {url: 'x://u:hunter2@h'}\n",
        "kind: x\npassword: \"hunter2\" oops\n",
        "kind: Secret\nstringData:\n  any: 'hunter2' oops\n",
    ];
    for yaml in documents {
        let resolved = resolve(&loaded(yaml, &[]));
        assert!(resolved.report.has_errors(), "{yaml}");
        let texts = [
            shown(yaml),
            resolved.report.to_json().to_string(),
            format!("{:?}", resolved.plan),
        ];
        for text in texts {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}

#[test]
fn a_file_cannot_write_to_the_terminal() {
    let yaml = "apiVersion: v1\nkind: \"Sec\\e[31mret\u{7f}\"\n";
    let text = shown(yaml);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7f}'), "{text:?}");
}

#[test]
fn json_has_the_same_problems_and_their_counts() {
    let yaml = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\napiVersion: v1\nkind: Nope\n";
    let report = resolve(&loaded(yaml, &[])).report;
    assert_eq!(
        report.counts(),
        Counts {
            errors: 1,
            warnings: 1,
            notices: 0
        }
    );
    let json = report.to_json();
    assert_eq!(
        (json["errors"].as_u64(), json["warnings"].as_u64()),
        (Some(1), Some(1))
    );
    assert_eq!(
        json["problems"][0],
        serde_json::json!({
            "file": "f.yaml", "line": 2, "column": 7, "severity": "warning", "path": "kind",
            "message": "Namespace \"n\" (v1) does nothing here", "help": null,
        })
    );
}

#[test]
fn problems_come_in_the_order_of_files_and_lines() {
    let second = "apiVersion: v1\nkind: Nope\n---\napiVersion: v1\nkind: Nopes\n";
    let report = resolve(&from_texts([("z.yaml", second), ("a.yaml", "a: [")])).report;
    let places: Vec<_> = report
        .problems()
        .iter()
        .map(|problem| (&*problem.file, problem.line))
        .collect();
    assert_eq!(places, [("z.yaml", 2), ("z.yaml", 5), ("a.yaml", 1)]);
}

#[test]
fn folders_are_read_by_name_and_every_path_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("it takes a file");
    write(
        "b.yml",
        b"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {}\n",
    );
    write(
        "a.yaml",
        b"apiVersion: heddle.dev/v1\nkind: Endpoint\nmetadata: {name: e}\nspec: {url: {file: url.txt}}\n",
    );
    write("url.txt", b"http://from-a-file/\r\n");
    write("notes.txt", b"a: [");
    write("c.yaml", b"a: \xff\n");
    let loaded = load(&[folder.path().to_owned(), folder.path().join("a.yaml")]).expect("all can be read");
    let names: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| document.name.rsplit('/').next())
        .collect();
    assert_eq!(
        names,
        [Some("a.yaml"), Some("b.yml"), Some("c.yaml")],
        "each once"
    );
    let resolved = resolve(&loaded);
    let texts: Vec<_> = resolved
        .report
        .problems()
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "Secret \"s\" does nothing here: nothing refers to it",
            "this is not UTF-8 text"
        ]
    );

    let empty = tempfile::tempdir().expect("a temporary folder");
    let Err(LoadError(errors)) = load(&[empty.path().to_owned(), folder.path().join("not-there.yaml")])
    else {
        panic!("neither can be read");
    };
    assert!(
        matches!(errors.as_slice(), [PathError::Empty(_), PathError::Io { .. }]),
        "{errors:?}"
    );
}
