//! Certificates under which memory moves encrypted: an authority of the lab, and one certificate per host for both sides
//! of a move.
//!
//! QEMU checks the certificate of whom it connects to against the host of the migration's URI, and libvirt that of whoever
//! connects against the authority alone, so that each holds its host's address and names. Nobody beyond the lab knows the
//! authority, and its key goes with the lab.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::run::run;
use super::{Host, LabError, Plan, Record};

/// Where a host's libvirt looks for them, as the host sees it.
pub(super) const DIRECTORY: &str = "/etc/libvirt/pki";
/// How long they are good for, in days: longer than any lab.
const DAYS: &str = "3650";

/// Makes the authority of the lab.
pub(super) fn authority(record: &Record, plan: &Plan) -> Result<(), LabError> {
    let dir = record.tls_dir();
    fs::create_dir_all(&dir).map_err(LabError::file(&dir))?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).map_err(LabError::file(&dir))?;
    let settings = settings(&format!("lab {}", plan.number), AUTHORITY);
    make(&dir.join("authority.cnf"), &settings, &dir.join("ca-key.pem"), &dir.join("ca-cert.pem"), &[])
}

/// Makes a host's certificate, where its libvirt finds it. QEMU, which reads it, is root's on hosts of labs.
pub(super) fn host(record: &Record, host: &Host) -> Result<(), LabError> {
    let (ours, own) = (record.tls_dir(), record.host_dir(&host.name).join("etc/pki"));
    fs::create_dir_all(&own).map_err(LabError::file(&own))?;
    let (authority, its_key) = (ours.join("ca-cert.pem"), ours.join("ca-key.pem"));
    let copy = |from: &Path, to: &str| fs::copy(from, own.join(to)).map(drop).map_err(LabError::file(own.join(to)));
    copy(&authority, "ca-cert.pem")?;
    let names = format!("IP:{},DNS:{},DNS:{}", host.address, host.full_name, host.name);
    let settings = settings(&host.full_name, &format!("{HOST}subjectAltName = {names}\n"));
    let (key, certificate) = (own.join("server-key.pem"), own.join("server-cert.pem"));
    let signed = ["-CA".into(), authority.display().to_string(), "-CAkey".into(), its_key.display().to_string()];
    make(&ours.join(format!("{}.cnf", host.name)), &settings, &key, &certificate, &signed)?;
    copy(&key, "client-key.pem")?;
    copy(&certificate, "client-cert.pem")
}

/// What an authority is allowed.
const AUTHORITY: &str = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n";
/// What a host is: on either side.
const HOST: &str = "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n\
                    extendedKeyUsage = serverAuth, clientAuth\n";

/// All that `openssl` is to know, whatever the machine's own settings say.
fn settings(name: &str, extensions: &str) -> String {
    format!(
        "[req]\nprompt = no\nutf8 = yes\ndistinguished_name = name\nx509_extensions = extensions\n\n\
         [name]\nO = Hemera\nCN = {name}\n\n[extensions]\n{extensions}"
    )
}

/// Makes a key and its certificate. The key is nobody's but its owner's to read.
fn make(settings: &Path, text: &str, key: &Path, certificate: &Path, signed: &[String]) -> Result<(), LabError> {
    fs::write(settings, text).map_err(LabError::file(settings))?;
    let [settings, key_file, certificate] = [settings, key, certificate].map(|path| path.display().to_string());
    let kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"];
    let files = ["-days", DAYS, "-config", &settings, "-keyout", &key_file, "-out", &certificate];
    run("openssl", kind.into_iter().chain(files).chain(signed.iter().map(String::as_str)))?;
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).map_err(LabError::file(key))
}
