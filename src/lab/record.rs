//! What is written down of a lab before anything of it is made.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::plan::Shape;
use super::{LabError, Plan};

/// Where the records of this machine's labs are: `N.toml` is that of lab N.
pub const REGISTRY: &str = "/var/lib/hemera/lab";

/// A lab of this machine: enough to find all that was made for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which lab.
    pub number: u8,
    /// Its directory.
    pub dir: PathBuf,
    /// The directories that had to be made for it, the deepest first.
    pub made: Vec<PathBuf>,
    /// The process that started it.
    pub process: u32,
    /// How many sites.
    pub sites: usize,
    /// How many hosts per site.
    pub hosts: usize,
    /// How many VMs per site can get an address.
    pub vms: usize,
    /// The links between sites.
    pub shape: Option<Shape>,
    /// The size of each host's own disk, in bytes; none: they share the machine's.
    #[serde(default)]
    pub disk: Option<u64>,
    /// Whether its VMs run under KVM.
    #[serde(default)]
    pub kvm: bool,
    /// The directories of what its VMs boot, without links on the way; older ones do not say.
    #[serde(default)]
    pub uses: Vec<PathBuf>,
}

impl Record {
    /// What it is made of.
    pub fn plan(&self) -> Plan {
        Plan::new(self.number, self.sites, self.hosts, self.vms, self.shape)
    }

    /// When its start began; none where it is gone.
    pub(super) fn began(&self) -> Option<SystemTime> {
        fs::metadata(path(self.number)).and_then(|file| file.modified()).ok()
    }

    /// The world file that describes it.
    pub fn world(&self) -> PathBuf {
        self.dir.join("world.toml")
    }

    /// The workflow file with its VM classes.
    pub fn workflow(&self) -> PathBuf {
        self.dir.join("workflow.toml")
    }

    /// Where a host keeps what is its own.
    pub fn host_dir(&self, host: &str) -> PathBuf {
        self.dir.join("hosts").join(host)
    }

    /// Where the client's side of SSH to the hosts is.
    pub(super) fn ssh_dir(&self) -> PathBuf {
        self.dir.join("ssh")
    }

    /// The configuration with which `ssh -F` reaches the hosts by their names.
    pub fn ssh_config(&self) -> PathBuf {
        self.ssh_dir().join("config")
    }

    /// Where the authority is that vouches for the hosts.
    pub(super) fn tls_dir(&self) -> PathBuf {
        self.dir.join("tls")
    }

    /// Where the gateway keeps its files.
    pub(super) fn net_dir(&self) -> PathBuf {
        self.dir.join("net")
    }
}

/// How long what a dead start left may hold its lock.
const ORPHANS: Duration = Duration::from_secs(3);

/// A record that nobody else may change meanwhile. The lock goes with it, also when the process is killed.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) record: Record,
    path: PathBuf,
    _lock: File,
}

fn path(number: u8) -> PathBuf {
    Path::new(REGISTRY).join(format!("{number}.toml"))
}

/// The records of all labs, by number.
pub(super) fn all() -> Result<Vec<Record>, LabError> {
    let mut records = Vec::new();
    for number in 0..=u8::MAX {
        let path = path(number);
        match fs::read_to_string(&path) {
            Ok(text) => records.push(parse(&path, &text)?),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(LabError::file(path)(error)),
        }
    }
    Ok(records)
}

/// The record of the lab in `dir`, or those of all labs.
pub(super) fn of(dir: Option<&Path>) -> Result<Vec<Record>, LabError> {
    let mut records = all()?;
    if let Some(dir) = dir {
        let full = std::path::absolute(dir).map_err(LabError::file(dir))?;
        let real = full.canonicalize().unwrap_or_else(|_| full.clone());
        records.retain(|record| record.dir == full || record.dir == real);
    }
    Ok(records)
}

fn parse(path: &Path, text: &str) -> Result<Record, LabError> {
    toml::from_str(text).map_err(|error| LabError::file(path)(std::io::Error::new(ErrorKind::InvalidData, error)))
}

impl Claim {
    /// Takes the first free number and writes the record that `record` makes of it, at once and whole: a record that is
    /// there can be read, and is locked as long as the claim is held.
    pub(super) fn first_free(mut record: impl FnMut(u8) -> Record) -> Result<Self, LabError> {
        let draft = Path::new(REGISTRY).join(format!("draft-{}", std::process::id()));
        for number in 0..=u8::MAX {
            // A namespace of that number may be another program's that counts the same way.
            if Path::new("/run/netns").join(format!("hm{number}-net")).exists() {
                continue;
            }
            let record = record(number);
            let text = toml::to_string(&record)
                .map_err(|error| LabError::file(&draft)(std::io::Error::new(ErrorKind::InvalidData, error)))?;
            let mut file = create(&draft).map_err(LabError::file(&draft))?;
            file.lock().map_err(LabError::file(&draft))?;
            file.write_all(text.as_bytes()).map_err(LabError::file(&draft))?;
            let path = path(number);
            let linked = fs::hard_link(&draft, &path);
            let _ = fs::remove_file(&draft);
            match linked {
                Ok(()) => return Ok(Self { record, path, _lock: file }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(LabError::file(path)(error)),
            }
        }
        Err(LabError::Forbidden("256 labs are there already: end some with `hemera lab down`".into()))
    }

    /// Takes hold of a lab that is there.
    ///
    /// # Errors
    /// Where another process is at work on it.
    pub(super) fn take(record: Record) -> Result<Self, LabError> {
        let path = path(record.number);
        let file = File::open(&path).map_err(LabError::file(&path))?;
        // A child of a start that was killed may hold it for a moment longer.
        let began = Instant::now();
        let at_work = || Path::new("/proc").join(record.process.to_string()).exists();
        let mut locked = file.try_lock();
        while matches!(locked, Err(TryLockError::WouldBlock)) && !at_work() && began.elapsed() < ORPHANS {
            thread::sleep(Duration::from_millis(50));
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => Ok(Self { record, path, _lock: file }),
            Err(TryLockError::WouldBlock) => Err(LabError::Busy { number: record.number, process: record.process }),
            Err(TryLockError::Error(error)) => Err(LabError::file(path)(error)),
        }
    }

    /// Takes hold of a lab that is there when whoever is at work on it has ended.
    ///
    /// # Errors
    /// Where the lab is gone by then.
    pub(super) fn wait(record: Record) -> Result<Self, LabError> {
        let path = path(record.number);
        let file = File::open(&path).and_then(|file| file.lock().map(|()| file)).map_err(LabError::file(&path))?;
        // What was waited for may have been its end.
        fs::metadata(&path).map_err(LabError::file(&path))?;
        Ok(Self { record, path, _lock: file })
    }

    /// Removes the record, when nothing is left of what it speaks of.
    pub(super) fn forget(self) -> Result<(), LabError> {
        fs::remove_file(&self.path).map_err(LabError::file(&self.path))?;
        tidy();
        Ok(())
    }
}

/// A new file in the registry. Another lab's end may remove the empty registry at any time.
fn create(draft: &Path) -> std::io::Result<File> {
    for _ in 0..100 {
        fs::create_dir_all(REGISTRY)?;
        match File::create(draft) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
    }
    File::create(draft)
}

/// Removes drafts of processes that are gone, and the registry where it is empty.
pub(super) fn tidy() {
    for entry in fs::read_dir(REGISTRY).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("draft-"));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
    // Both stay where others have something in them.
    let _ = fs::remove_dir(REGISTRY);
    let _ = Path::new(REGISTRY).parent().map(fs::remove_dir);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_can_be_read_also_where_it_does_not_say_all() {
        let record = Record {
            number: 3,
            dir: "/tmp/lab".into(),
            made: vec!["/tmp/lab".into()],
            process: 1,
            sites: 2,
            hosts: 2,
            vms: 256,
            shape: Some("1 Gbit/s,10 ms".parse().unwrap()),
            disk: Some(1),
            kvm: true,
            uses: vec!["/var/cache/hemera/lab/guest-1".into()],
        };
        let text = toml::to_string(&record).unwrap();
        let file = Path::new("3.toml");
        assert_eq!(parse(file, &text).unwrap(), record);
        let (before, _) = text.split_once("uses = ").unwrap();
        let (_, after) = text.split_once("guest-1\"]").unwrap();
        let older = format!("{before}{after}");
        assert_eq!(parse(file, &older).unwrap(), Record { uses: Vec::new(), ..record });
        assert!(parse(file, "number = ").unwrap_err().to_string().contains("3.toml"));
    }
}
