//! Serial logs: all that a guest wrote to its serial console since it was started, kept by its host beside its disk.
//!
//! Each VM's log is a volume of the storage pool that Hemera makes, so that libvirt reads it for us wherever it reaches
//! the host, SSH or not. It is made before the VM starts: a pool learns of files that others make only when it is
//! refreshed, which looks into every one of its disks.
//!
//! Its file bears the VM's name and UUID. Names are used again: with the name alone, removing what a start that was cut
//! off has left would take the log of the VM that has its name by now.
//!
//! A log goes with its VM. When a VM moves, the end of what it has said goes ahead of it ([`CARRIED`] bytes), and its
//! new host adds to that; what it says while its memory moves stays behind and is removed with the file.
//! Where virtlogd writes the logs (`stdio_handler = "logd"`, libvirt's own default), it begins a new file at 2 MiB: a
//! log is then shorter than it was, and its readers begin anew.

use std::thread;
use std::time::Duration;

use virt::connect::Connect;
use virt::error::{Error, ErrorNumber};
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

use super::host::Host;
use super::overlay::{self, DIRECTORY};
use super::trouble::Trouble;
use super::xml::escape;
use crate::fleet::SerialLog;

/// What every log's file name ends with.
const SUFFIX: &str = ".serial.log";
/// How much of its log a VM takes along when it moves: a boot's messages, twice.
const CARRIED: u64 = 128 << 10;
/// Between attempts to remove a log that somebody reads just then, as whoever looks for what a VM said last does: libvirt
/// removes no volume in use.
const AGAIN: Duration = Duration::from_millis(100);
/// How many attempts there are.
const PATIENCE: u32 = 50;
/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// The name of a VM's log in the pool.
fn file(name: &str, uuid: &str) -> String {
    format!("{name}.{uuid}{SUFFIX}")
}

/// Where a VM's log lies on its host.
pub(super) fn path(name: &str, uuid: &str) -> String {
    format!("{DIRECTORY}/{}", file(name, uuid))
}

/// Whether a file is the log of a VM of this name, whatever its UUID.
fn is_of(file: &str, name: &str) -> bool {
    let uuid = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(SUFFIX));
    uuid.is_some_and(|uuid| uuid.len() == 36 && uuid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
}

/// Makes the log of a VM that is about to come to a host, with what it has said before, and removes those that earlier
/// VMs of its name have left. False where the host cannot keep one: its VM runs without.
pub(super) fn create(host: &Host, name: &str, uuid: &str, before: Vec<u8>) -> bool {
    let (wanted, uuid) = (name.to_owned(), uuid.to_owned());
    let make = move |connect: &Connect| {
        let pool = overlay::pool(connect)?;
        for old in logs(&pool, &wanted)? {
            if let Err(error) = old.delete(0) {
                tracing::debug!(%error, "the serial log of an earlier VM stays");
            }
        }
        let definition = format!(
            "<volume><name>{}</name><capacity unit='bytes'>{}</capacity><allocation>0</allocation>\
             <target><format type='raw'/><permissions><mode>0600</mode></permissions></target></volume>",
            escape(&file(&wanted, &uuid)),
            before.len()
        );
        let made = StorageVol::create_xml(&pool, &definition, 0)?;
        if before.is_empty() {
            return Ok(());
        }
        let stream = Stream::new(connect, 0)?;
        made.upload(&stream, 0, before.len() as u64, 0)?;
        let mut left = &before[..];
        while !left.is_empty() {
            let sent = stream.send(&left[..left.len().min(CHUNK)])?;
            left = &left[(sent.max(0) as usize).min(left.len())..];
        }
        stream.finish()
    };
    match host.call(&format!("making the serial log of {name}"), make) {
        Ok(()) => true,
        Err(trouble) => {
            tracing::warn!(%trouble, "a VM is without its serial log");
            false
        }
    }
}

/// Makes the log of a VM on the host that it is to move to, with the end of what it has said.
pub(super) fn carry(source: &Host, target: &Host, name: &str, uuid: &str) {
    let said = match read(source, name, None, CARRIED) {
        Ok(log) => log.bytes,
        Err(trouble) => {
            tracing::debug!(%trouble, "what a VM has said does not move with it");
            Vec::new()
        }
    };
    create(target, name, uuid, said);
}

/// Removes the log of a VM that is not there any more: that of this UUID, else all of its name.
pub(super) fn delete(host: &Host, name: &str, uuid: Option<&str>) {
    let (wanted, uuid) = (name.to_owned(), uuid.map(str::to_owned));
    let delete = move |connect: &Connect| {
        let pool = overlay::pool(connect)?;
        let logs = match uuid {
            Some(uuid) => vec![pool.lookup_storage_vol_by_name(&file(&wanted, &uuid))?],
            None => logs(&pool, &wanted)?,
        };
        logs.iter().try_for_each(|log| log.delete(0))
    };
    for _ in 0..PATIENCE {
        match host.call(&format!("removing the serial log of {name}"), delete.clone()) {
            Err(trouble) if trouble.out_of_turn() => thread::sleep(AGAIN),
            Err(trouble) if !trouble.not_there() => return tracing::warn!(%trouble, "a serial log stays"),
            _ => return,
        }
    }
    tracing::warn!(host = &*host.name, name, "a serial log stays: somebody reads it all the time");
}

/// The logs in the pool of VMs of this name.
fn logs(pool: &StoragePool, name: &str) -> Result<Vec<StorageVol>, Error> {
    let mut volumes = pool.list_all_volumes(0)?;
    volumes.retain(|volume| volume.name().is_ok_and(|file| is_of(&file, name)));
    Ok(volumes)
}

/// The log of the VM of this name: of the one that runs, else of the last one that did. None where there is no log.
fn find(connect: &Connect, name: &str) -> Result<Option<StorageVol>, Error> {
    let pool = overlay::pool(connect)?;
    let uuid = match connect.lookup_domain_by_name(name) {
        Ok(domain) => Some(domain.uuid_string()?),
        Err(error) if error.code().is(ErrorNumber::NoDomain) => None,
        Err(error) => return Err(error),
    };
    let look = || match &uuid {
        Some(uuid) => match pool.lookup_storage_vol_by_name(&file(name, uuid)) {
            Ok(log) => Ok(Some(log)),
            Err(error) if error.code().is(ErrorNumber::NoStorageVolume) => Ok(None),
            Err(error) => Err(error),
        },
        None => Ok(logs(&pool, name)?.pop()),
    };
    if let Some(log) = look()? {
        return Ok(Some(log));
    }
    // Somebody else may have brought the file.
    pool.refresh(0)?;
    look()
}

/// Reads a VM's log on a host: at most `most` bytes from the place `from` on, or its end where none is given. Where the
/// log is shorter than `from`, it has been begun anew, and is read from its start. Blocks.
///
/// # Errors
/// Where the host does not answer, or keeps no log of such a VM.
pub(super) fn read(host: &Host, name: &str, from: Option<u64>, most: u64) -> Result<SerialLog, Trouble> {
    let wanted = name.to_owned();
    let read = move |connect: &Connect| {
        let Some(log) = find(connect, &wanted)? else { return Ok(None) };
        read_volume(connect, &log, from, most).map(Some)
    };
    let found = host.call(&format!("reading the serial log of {name}"), read)?;
    found.ok_or_else(|| Trouble::NoLog { host: host.name.to_string(), vm: name.to_owned() })
}

/// The same of a log that was found before.
fn read_volume(connect: &Connect, log: &StorageVol, from: Option<u64>, most: u64) -> Result<SerialLog, Error> {
    let size = log.info()?.capacity;
    let from = match from {
        None => size.saturating_sub(most),
        Some(from) if from > size => 0,
        Some(from) => from,
    };
    let length = (size - from).min(most);
    let mut bytes = Vec::with_capacity(length as usize);
    if length > 0 {
        let stream = Stream::new(connect, 0)?;
        log.download(&stream, from, length, 0)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            match stream.recv(&mut chunk)? {
                count if count > 0 => bytes.extend_from_slice(&chunk[..count as usize]),
                _ => break,
            }
        }
        stream.finish()?;
    }
    Ok(SerialLog { from, size, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_of_the_name_that_it_begins_with_and_no_other() {
        let uuid = "0a1b2c3d-1111-4222-8333-abcdefabcdef";
        let log = file("vm-1", uuid);
        assert!(is_of(&log, "vm-1"));
        for other in ["vm", "vm-", "vm-1.0a1b2c3d", "vm-12"] {
            assert!(!is_of(&log, other), "{other}");
        }
        assert!(!is_of(&file("vm-1.vm-2", uuid), "vm-1"));
        assert!(!is_of("vm-1.qcow2", "vm-1"));
        assert_eq!(path("vm-1", uuid), format!("/var/lib/libvirt/hemera/vm-1.{uuid}.serial.log"));
    }
}
