//! Why a move under TLS failed: of missing certificates libvirt tells only the file, not on which of both hosts, and of those
//! that the other side does not accept only that the connection broke off.

use super::host::Host;
use super::nbd;
use super::trouble::Trouble;

/// What libvirt says where its settings name no directory.
const NOT_CONFIGURED: &str = "TLS directory not configured";
/// What QEMU says before the path of a certificate or key that it cannot read.
const UNREADABLE: &str = "Unable to access credentials ";

/// What QEMU says of an encrypted connection that breaks off; libvirt says of its own "TLS handshake failed" without a colon.
const BROKEN: [&str; 2] = ["TLS channel", "TLS handshake failed:"];

/// A failed move's reason; `tls`: it was to be encrypted.
pub(super) fn explained(trouble: &Trouble, name: &str, hosts: [&Host; 2], tls: bool) -> String {
    let Trouble::Refused { error, .. } = trouble else { return trouble.to_string() };
    let lack = |path: &str| hosts.map(|host| (&*host.name, is_there(host, path)));
    meaning(error.message(), name, hosts.map(|host| &*host.name), lack, tls).unwrap_or_else(|| trouble.to_string())
}

/// What it means where it is TLS that a move failed of. Without it, what libvirt says of TLS is of its own connections.
fn meaning<'a>(
    said: &str,
    name: &str,
    hosts: [&str; 2],
    lack: impl FnOnce(&str) -> [(&'a str, Option<bool>); 2],
    tls: bool,
) -> Option<String> {
    if tls { lacking(said, name, lack).or_else(|| broken(said, name, hosts)) } else { None }
}

/// What it means where the encrypted connection did not come about, or did not hold.
fn broken(said: &str, name: &str, [source, target]: [&str; 2]) -> Option<String> {
    let line = said.lines().find(|line| BROKEN.iter().any(|words| line.contains(words)))?;
    Some(format!(
        "the encrypted connection by which {name} moves from {source} to {target} broke off; where it does so at once, the \
         certificate of {target} does not hold the address that its `migrate` names, or one of both does not trust the \
         other's authority ({line})"
    ))
}

/// What it means where certificates are missing; `lack` says of each host whether a file is there, as far as that is known.
fn lacking<'a>(said: &str, name: &str, lack: impl FnOnce(&str) -> [(&'a str, Option<bool>); 2]) -> Option<String> {
    let path = said.split_once(UNREADABLE).map(|(_, rest)| rest.split(": ").next().unwrap_or(rest));
    if path.is_none() && !said.contains(NOT_CONFIGURED) {
        return None;
    }
    let hosts = path.map_or([("its source", None), ("its target", None)], lack);
    let without: Vec<&str> = hosts.iter().filter(|(_, there)| *there == Some(false)).map(|&(name, _)| name).collect();
    let who = match without[..] {
        [] => format!("{} or {}", hosts[0].0, hosts[1].0),
        _ => without.join(" and "),
    };
    let verb = if without.len() == 2 { "have" } else { "has" };
    Some(format!(
        "{name} cannot move under TLS: {who} {verb} no certificates for it, which QEMU reads from \
         `migrate_tls_x509_cert_dir` of qemu.conf ({said})"
    ))
}

/// Whether a file can be read on a host; none where its shell is not reached.
fn is_there(host: &Host, path: &str) -> Option<bool> {
    let shell = host.images.target(&host.access)?;
    let said =
        nbd::run(&shell, &["sh", "-c", "test -r \"$1\" && echo there || echo missing", "is-there", path]).ok()?;
    Some(said.trim() == "there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_without_certificates_is_named_where_it_is_known() {
        let said = "unable to execute QEMU command 'object-add': Unable to access credentials /etc/pki/qemu/ca-cert.pem: No \
                    such file or directory";
        let told = |first, second| {
            let lack = |path: &str| {
                assert_eq!(path, "/etc/pki/qemu/ca-cert.pem");
                [("h1", first), ("h2", second)]
            };
            lacking(said, "vm-1", lack).unwrap()
        };
        for (first, second, who) in [
            (Some(true), Some(false), "h2 has"),
            (Some(false), Some(true), "h1 has"),
            (Some(false), Some(false), "h1 and h2 have"),
            (None, None, "h1 or h2 has"),
        ] {
            let words = format!("vm-1 cannot move under TLS: {who} no certificates");
            assert!(told(first, second).starts_with(&words), "{}", told(first, second));
        }
        let nothing = |_: &str| -> [(&str, Option<bool>); 2] { panic!("no file is named") };
        assert!(lacking("host migration TLS directory not configured", "vm-1", nothing).is_some());
        let said =
            "qemu unexpectedly closed the monitor: Cannot read from TLS channel: Input/output error\nNot a stream";
        assert_eq!(lacking(said, "vm-1", nothing), None);
        let why = broken(said, "vm-1", ["h1", "h2"]).unwrap();
        assert!(why.contains("the certificate of h2 does not hold the address"), "{why}");
        assert!(why.ends_with("Cannot read from TLS channel: Input/output error)"), "{why}");
        assert_eq!(broken("Connection reset by peer", "vm-1", ["h1", "h2"]), None);
    }

    #[test]
    fn the_connections_of_libvirt_itself_are_not_taken_for_those_of_moves() {
        let meaning = |said, tls| {
            let lack = |_: &str| -> [(&str, Option<bool>); 2] { panic!("no file is named") };
            meaning(said, "vm-1", ["h1", "h2"], lack, tls)
        };
        let ours = "TLS handshake failed: Error in the certificate.";
        assert!(meaning(ours, true).unwrap().contains("the certificate of h2"));
        for (said, tls) in [
            (ours, false),
            ("host migration TLS directory not configured", false),
            ("TLS handshake failed The TLS connection was non-properly terminated.", true),
        ] {
            assert_eq!(meaning(said, tls), None, "{said}");
        }
    }
}
