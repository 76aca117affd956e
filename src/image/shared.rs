//! Images that all hosts have in a shared directory.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use super::transfer::{Target, ssh};

/// How much of an image is compared. Reading all of it on every host would be what a shared directory is to spare.
const HEAD: u64 = 1 << 20;

/// Whether a host has the same file under the same path as this machine, by its size and first MiB; the path.
///
/// # Errors
/// Where it has none, or another one; what is told to people.
pub fn shared(target: &Target, file: &Path) -> Result<String, String> {
    let path = std::path::absolute(file).map_err(|error| format!("{}: {error}", file.display()))?.display().to_string();
    let failed = |error: std::io::Error| format!("{path}: {error}");
    let mut head = Vec::new();
    File::open(file).and_then(|file| file.take(HEAD).read_to_end(&mut head)).map_err(failed)?;
    let size = std::fs::metadata(file).map_err(failed)?.len();
    let script = "stat -L -c %s -- \"$1\" && head -c \"$2\" -- \"$1\"";
    let mut command = ssh(target);
    command.arg(shell_words::join(["sh", "-c", script, "shared", &path, &HEAD.to_string()]));
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("ssh: {error}"))?;
    let name = &target.name;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} does not have {path}, which is to be shared: {}", said.trim()));
    }
    let line = format!("{size}\n");
    if output.stdout.strip_prefix(line.as_bytes()) == Some(&head) {
        return Ok(path);
    }
    Err(format!("{name} has another {path} than this machine, though it is to be shared"))
}
