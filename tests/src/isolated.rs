//! Commands that use fixed ports, run where nobody else has taken them: a network namespace of their own.

use std::path::Path;
use std::process::{Command, Stdio};

/// Brings the loopback interface up and becomes the command. Python because it is there wherever the tests run, and
/// `ip` is not.
const ENTER: &str = r#"
import fcntl, os, socket, struct, sys
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
control.close()
os.execvp(sys.argv[1], sys.argv[1:])
"#;

/// A command in network and process namespaces of its own, in this folder: its ports are free, and whatever it leaves
/// running ends with it.
///
/// # Errors
/// In words, when this machine lets nobody make a namespace: the fixed ports may then be taken by others.
pub fn isolated(program: &str, arguments: &[&str], folder: &Path) -> Result<Command, String> {
    let inside = |command: &mut Command| {
        command.args([
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--map-root-user",
            "python3",
            "-c",
            ENTER,
        ]);
    };
    let mut trial = Command::new("unshare");
    inside(&mut trial);
    let tried = trial.arg("true").stdin(Stdio::null()).output();
    let output = tried.map_err(|error| format!("unshare does not run: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "no network namespace can be made: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let mut command = Command::new("unshare");
    inside(&mut command);
    command.arg(program).args(arguments).current_dir(folder);
    Ok(command)
}
