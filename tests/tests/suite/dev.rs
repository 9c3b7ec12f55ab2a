//! `heddle dev`, the first thing that a person sees: what it prints, and that the printed `curl` works as it is pasted.

use harness::isolated::isolated;
use harness::not_run::not_run;
use harness::process::Process;
use harness::{PATIENCE, eventually, repository};

/// Starts `heddle dev` on its own ports and, once it has printed a `curl`, runs that line as it stands.
const SCRIPT: &str = r#"
set -u
"$HEDDLE" dev --data data >dev.txt 2>&1 &
dev=$!
trap 'kill $dev; wait $dev' EXIT
for _ in $(seq 600); do
    grep -q 'curl ' dev.txt && break
    kill -0 $dev || exit 1
    sleep 0.1
done
# The command as a person would copy it: from the word curl on, with its continuation lines.
sed -n '/curl /,/[^\\]$/p' dev.txt | sed 's/\x1b\[[0-9;]*m//g; 1s/^.*\(curl \)/\1/' >pasted.sh
printf '\n' >>pasted.sh
cat pasted.sh
bash pasted.sh >answer.txt 2>&1
echo "curl ended with $?" >>answer.txt
bash readme.sh >readme.txt 2>&1
for _ in $(seq 600); do
    grep -q 'trigger echo 200' dev.txt && break
    sleep 0.1
done
kill $dev
wait $dev
echo "dev ended with $?" >ended.txt
trap - EXIT
"#;

#[tokio::test(flavor = "multi_thread")]
async fn dev_needs_no_configuration_and_its_printed_curl_works_as_pasted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("readme.sh"), curl_of_the_readme()).unwrap();
    let mut command = match isolated("bash", &["-c", SCRIPT], folder.path()) {
        Ok(command) => command,
        Err(why) => return not_run("heddle dev on its own ports", &why),
    };
    let mut script = Process::spawn(
        "script",
        command.env("HEDDLE", repository::heddle()).env("NO_COLOR", "1"),
        folder.path(),
    )
    .unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    eventually("the script ends", 3 * PATIENCE, || script.exited()).await;
    let (printed, answer) = (read("dev.txt"), read("answer.txt"));
    for word in [
        "127.0.0.1:8080",
        "127.0.0.1:9090",
        "data",
        "default/default",
        "echo",
    ] {
        assert!(printed.contains(word), "it prints {word}:\n{printed}");
    }
    let lower = printed.to_lowercase();
    assert!(
        lower.contains("disk") || lower.contains("fsync") || lower.contains("durab"),
        "it says in words what a 202 means:\n{printed}"
    );
    assert!(
        answer.contains("202") && answer.contains("curl ended with 0"),
        "{answer}\nof {}",
        read("pasted.sh")
    );
    let where_it_went = printed
        .lines()
        .find(|line| line.contains("-> trigger echo 200 in"));
    assert!(
        where_it_went.is_some_and(|line| line.contains("ms")),
        "the terminal shows where the event went:\n{printed}"
    );
    assert!(
        read("ended.txt").contains("dev ended with 0"),
        "SIGTERM ends it well: {}",
        read("ended.txt")
    );
    assert!(
        read("readme.txt").contains("202"),
        "the README's curl: {}",
        read("readme.txt")
    );
    assert!(folder.path().join("data").is_dir());
}

/// The command with which the README follows `make run`.
fn curl_of_the_readme() -> String {
    let readme = repository::read("README.md");
    let blocks = readme
        .split("\n```")
        .filter_map(|block| block.strip_prefix("sh\n"));
    let curl = blocks.into_iter().find(|block| block.starts_with("curl "));
    curl.expect("README.md shows a curl").to_owned()
}
