//! Images lent by one host to the others over NBD: a host reads only what its VMs read.

use std::process::Stdio;

use crate::image::{Target, ssh};
use crate::platform::HostAccess;

/// Starts `qemu-nbd` on a free port where it does not lend that file already, and says which.
const LEND: &str = include_str!("nbd/lend.sh");

/// Has a host lend the image at `path`, read-only; the URL by which the others read it. It goes on when Hemera ends, as
/// VMs stand on it, and ends with its host.
pub(super) fn lend(lender: &Target, access: &HostAccess, path: &str) -> Result<String, String> {
    let address = address(access).ok_or_else(|| {
        format!("{}: no address at which others reach it (`migrate`, or the host of its `uri`)", lender.name)
    })?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let port = run(lender, &["sh", "-c", LEND, "lend", path, &address, name])?;
    Ok(format!("nbd://{address}:{}/{name}", port.trim()))
}

/// Makes a disk on top of a lent image.
pub(super) fn overlay(host: &Target, url: &str, overlay: &str) -> Result<(), String> {
    let script = "mkdir -p -m 711 \"${2%/*}\" && rm -f \"$2\" && qemu-img create -q -f qcow2 -F raw -b \"$1\" \"$2\"";
    run(host, &["sh", "-c", script, "overlay", url, overlay]).map(drop)
}

/// Runs a command on a host; what it printed.
pub(super) fn run(host: &Target, words: &[&str]) -> Result<String, String> {
    let output = ssh(host).arg(shell_words::join(words)).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("ssh: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{}: {}", host.name, String::from_utf8_lossy(&output.stderr).trim()))
}

/// Where other hosts reach a host.
fn address(access: &HostAccess) -> Option<String> {
    let of = |uri: &str| {
        let rest = uri.split_once("://")?.1;
        let authority = rest.split(['/', '?']).next()?;
        let host = authority.rsplit('@').next()?;
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        (!host.is_empty()).then(|| host.to_owned())
    };
    access.migrate.as_deref().and_then(of).or_else(|| of(&access.uri))
}
