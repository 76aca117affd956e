//! What is asked for, and changes of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::units::{Bytes, Rate, Refusal, Share, Size};

/// The settings by name, as options and commands give them.
pub(crate) const NAMES: [&str; 7] = ["cpu", "dirty", "working-set", "disk", "file", "net", "to"];

/// The working set where none was asked for.
const WORKING_SET: Size = Size::Bytes(Bytes(64 << 20));

/// The smallest working set: a page.
const PAGE: u64 = 4096;

/// Of the memory that is free, or the working set's already, this share stays free, and [`STAYS_FREE`] at least where
/// that is not more than half of it: the kernel counts as free what it gets back only slowly, and a guest that runs out
/// of memory ends processes, this one first.
const SHARE_STAYS_FREE: f64 = 0.05;

/// Bytes that stay free: a guest of 96 MiB whose kernel called 28 MB free ended the program when it had taken 23.
const STAYS_FREE: u64 = 12 << 20;

/// How data gets to where it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Datagrams, for which nobody has to listen.
    Udp,
    /// A connection.
    Tcp,
}

/// Where data is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) way: Way,
    pub(crate) address: SocketAddr,
}

/// The working set: what was asked for, and what can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkingSet {
    pub(crate) asked: Bytes,
    pub(crate) granted: Bytes,
}

/// All that is asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Asked {
    /// Share of all vCPUs.
    pub(crate) cpu: Share,
    /// Bytes per second in pages that are written to.
    pub(crate) dirty: Rate,
    pub(crate) working_set: Option<WorkingSet>,
    pub(crate) disk: Rate,
    pub(crate) file: Option<PathBuf>,
    pub(crate) net: Rate,
    pub(crate) to: Option<Target>,
}

/// A change of what is asked for: what is named takes a new value, the rest stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Change {
    cpu: Option<Share>,
    dirty: Option<Rate>,
    working_set: Option<Size>,
    disk: Option<Rate>,
    file: Option<PathBuf>,
    net: Option<Rate>,
    to: Option<Target>,
}

/// Memory in bytes that the guest could still give, and what the working set has of it already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) available: u64,
    pub(crate) owned: u64,
}

impl Change {
    /// Takes one setting; none may be given twice.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        fn put<T>(name: &str, place: &mut Option<T>, value: T) -> Result<(), Refusal> {
            match place.replace(value) {
                None => Ok(()),
                Some(_) => Err(Refusal(format!("`{name}` is given twice"))),
            }
        }
        let value = value.trim();
        if value.is_empty() {
            return Err(Refusal(format!("`{name}` wants a value, as in {}", example(name))));
        }
        let named = |refusal: Refusal| Refusal(format!("{name}: {refusal}"));
        match name {
            "cpu" => put(name, &mut self.cpu, Share::parse(value).map_err(named)?),
            "dirty" => put(name, &mut self.dirty, Rate::parse(value).map_err(named)?),
            "working-set" => put(name, &mut self.working_set, Size::parse(value).map_err(named)?),
            "disk" => put(name, &mut self.disk, Rate::parse(value).map_err(named)?),
            "file" => put(name, &mut self.file, PathBuf::from(value)),
            "net" => put(name, &mut self.net, Rate::parse(value).map_err(named)?),
            "to" => put(name, &mut self.to, Target::parse(value).map_err(named)?),
            _ => Err(Refusal(format!("`{name}` is no setting: expected one of {}", NAMES.join(", ")))),
        }
    }

    /// What is asked for after the change, and what has to be said about it; refused where it makes no sense in all.
    pub(crate) fn apply(self, before: &Asked, memory: Memory) -> Result<(Asked, Option<String>), Refusal> {
        let dirty = self.dirty.unwrap_or(before.dirty);
        let wanted = self.working_set.or((!dirty.is_zero() && before.working_set.is_none()).then_some(WORKING_SET));
        let granted = wanted.map(|size| grant(size, memory));
        let asked = Asked {
            cpu: self.cpu.unwrap_or(before.cpu),
            dirty,
            working_set: granted.as_ref().map_or(before.working_set, |granted| Some(granted.0)),
            disk: self.disk.unwrap_or(before.disk),
            file: self.file.or_else(|| before.file.clone()),
            net: self.net.unwrap_or(before.net),
            to: self.to.or(before.to),
        };
        if !asked.disk.is_zero() && asked.file.is_none() {
            return Err(Refusal("`disk` also wants a file to write to, as in file=/var/tmp/load".to_owned()));
        }
        if !asked.net.is_zero() && asked.to.is_none() {
            return Err(Refusal("`net` also wants an address to send to, as in to=10.0.0.1:9".to_owned()));
        }
        Ok((asked, granted.and_then(|granted| granted.1)))
    }

    /// Whether the working set changes.
    pub(crate) fn resizes(&self) -> bool {
        self.working_set.is_some()
    }
}

fn example(name: &str) -> &'static str {
    match name {
        "cpu" => "cpu=60%",
        "dirty" => "dirty=12.5MB/s",
        "working-set" => "working-set=64MiB",
        "disk" => "disk=5MB/s",
        "file" => "file=/var/tmp/load",
        "net" => "net=1MB/s",
        _ => "to=10.0.0.1:9",
    }
}

/// Whole pages of `size`, as far as the memory goes.
fn grant(size: Size, memory: Memory) -> (WorkingSet, Option<String>) {
    let free = memory.available + memory.owned;
    let whole = |bytes: u64| (bytes / PAGE * PAGE).max(PAGE);
    let asked = match size {
        Size::Bytes(bytes) => whole(bytes.0),
        Size::Share(share) => whole((free as f64 * share.0) as u64),
    };
    let spared = ((free as f64 * SHARE_STAYS_FREE) as u64).max(STAYS_FREE.min(free / 2));
    let granted = asked.min(whole(free - spared));
    let note = (granted < asked).then(|| {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        format!(
            "working-set: {:.1} MiB were asked for, {:.1} MiB are taken: no more than {:.1} MiB are free",
            mib(asked),
            mib(granted),
            mib(free)
        )
    });
    (WorkingSet { asked: Bytes(asked), granted: Bytes(granted) }, note)
}

impl Target {
    /// Reads `10.0.0.1:9`, `udp:10.0.0.1:9`, `tcp:[fe80::1]:9`. Names are not looked up.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let (way, address) = match text.split_once(':') {
            Some(("udp", rest)) => (Way::Udp, rest),
            Some(("tcp", rest)) => (Way::Tcp, rest),
            _ => (Way::Udp, text),
        };
        address.parse().map(|address| Self { way, address }).map_err(|_| {
            Refusal(format!(
                "`{text}` is not an address: expected IP:PORT, udp:IP:PORT or tcp:IP:PORT, as in \"tcp:10.0.0.1:9\""
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: Memory = Memory { available: 60 << 20, owned: 40 << 20 };

    fn change(settings: &[(&str, &str)]) -> Result<Change, Refusal> {
        let mut change = Change::default();
        settings.iter().try_for_each(|(name, value)| change.set(name, value))?;
        Ok(change)
    }

    fn applied(settings: &[(&str, &str)], before: &Asked) -> Result<(Asked, Option<String>), Refusal> {
        change(settings)?.apply(before, MEMORY)
    }

    #[test]
    fn what_is_not_named_stays() {
        let (first, _) = applied(&[("cpu", "60%"), ("dirty", "1MB/s")], &Asked::default()).expect("good");
        let (second, _) = applied(&[("dirty", "2 MB/s")], &first).expect("good");
        assert_eq!(second, Asked { dirty: Rate(2e6), ..first.clone() });
        assert_eq!(first.working_set.map(|set| set.granted), Some(Bytes(64 << 20)), "the usual working set");
    }

    #[test]
    fn a_working_set_is_what_can_be_had() {
        let of = |size: &str| {
            let (asked, note) = applied(&[("working-set", size)], &Asked::default()).expect("good");
            (asked.working_set.expect("asked for"), note)
        };
        assert_eq!(of("50%").0.granted, Bytes(50 << 20), "owned memory counts as free");
        assert_eq!(of("5000 B").0.granted, Bytes(4096));
        assert_eq!(of("1 B").0.granted, Bytes(4096));
        let (set, note) = of("1 GiB");
        assert_eq!((set.asked, set.granted), (Bytes(1 << 30), Bytes(88 << 20)));
        let note = note.expect("said");
        assert_eq!(note, "working-set: 1024.0 MiB were asked for, 88.0 MiB are taken: no more than 100.0 MiB are free");
    }

    #[test]
    fn some_memory_stays_free_for_the_rest_of_the_guest() {
        for (free, most) in [(8 << 30, (8_u64 << 30) / 100 * 95), (100 << 20, 88 << 20), (16 << 20, 8 << 20)] {
            let memory = Memory { available: free, owned: 0 };
            let (set, _) = grant(Size::Share(Share(1.0)), memory);
            assert!(set.granted.0.abs_diff(most) <= PAGE, "{free}: {set:?}");
        }
        let (set, _) = grant(Size::Share(Share(1.0)), Memory { available: 0, owned: 0 });
        assert_eq!(set.granted, Bytes(PAGE), "a page is always had");
    }

    #[test]
    fn refusals_name_the_thing() {
        let refusal = |settings| applied(settings, &Asked::default()).expect_err("bad").0;
        assert_eq!(refusal(&[("cup", "1%")]), format!("`cup` is no setting: expected one of {}", NAMES.join(", ")));
        assert_eq!(refusal(&[("cpu", " ")]), "`cpu` wants a value, as in cpu=60%");
        assert_eq!(refusal(&[("cpu", "1%"), ("cpu", "2%")]), "`cpu` is given twice");
        assert!(refusal(&[("cpu", "much")]).starts_with("cpu: `much` is not a share: expected"));
        assert!(refusal(&[("disk", "1MB/s")]).contains("wants a file"));
        assert!(refusal(&[("net", "1MB/s")]).contains("wants an address"));
        assert!(refusal(&[("to", "example.org:9")]).starts_with("to: `example.org:9` is not an address: expected"));
    }

    #[test]
    fn addresses_say_how() {
        let read = |text| Target::parse(text).map(|target| (target.way, target.address.to_string()));
        assert_eq!(read("10.0.0.1:9"), Ok((Way::Udp, "10.0.0.1:9".to_owned())));
        assert_eq!(read("tcp:[::1]:9"), Ok((Way::Tcp, "[::1]:9".to_owned())));
    }
}
