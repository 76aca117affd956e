//! How a move is to be done.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::rescue::unknown;
use super::{Rate, RescueAction, RescuePlan, Span};

/// How a migration is to be done; what is none is left to the platform.
// Each switch is an option of its own, as libvirt has them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MigrationOptions {
    /// The most it may use of the network.
    pub bandwidth: Option<Rate>,
    /// The longest pause of the guest that ends the copying rounds.
    pub max_downtime: Option<Duration>,
    /// Switches to post-copy after the first pass, whether it converges or not.
    pub post_copy: bool,
    /// Lets the platform be asked for post-copy while it runs, as a rescue plan may do.
    pub may_post_copy: bool,
    /// Lets the hypervisor slow the guest down where rounds do not become smaller.
    pub auto_converge: bool,
    /// Lets the platform be asked to slow the guest down while it runs.
    pub may_throttle: bool,
    /// How memory that is sent is compressed.
    pub compression: Option<Compression>,
    /// Connections over which memory is sent at once (multifd).
    pub parallel: Option<u8>,
    /// What of the disks is copied.
    pub storage: Storage,
    /// Sends memory through libvirt's own connection, which is encrypted where that is.
    pub tunnelled: bool,
    /// Encrypts memory on its way by TLS.
    pub tls: bool,
    /// Asks the target first whether it has the guest's CPU.
    pub check_cpu: bool,
    /// Stops the guest, saves it to disk, brings it over and restores it there.
    pub cold: bool,
}

/// How memory is compressed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Differences of pages that are sent again.
    Xbzrle,
    /// Every page, by threads of the hypervisor.
    Mt,
    /// Every page with zlib; over parallel connections only, and by libvirt 9.4 or later.
    Zlib,
    /// Every page with zstd; over parallel connections only, and by libvirt 9.4 or later.
    Zstd,
}

/// What of a VM's disks moves with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// What the VM wrote over its image where Hemera made its disk; nothing of others.
    #[default]
    Auto,
    /// Nothing: both hosts see the same disks.
    None,
    /// What differs from the image, which both hosts have.
    Inc,
    /// Whole disks.
    Full,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Xbzrle, Self::Mt, Self::Zlib, Self::Zstd];

    /// Its name, which is libvirt's.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Xbzrle => "xbzrle",
            Self::Mt => "mt",
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
        }
    }
}

impl Storage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::None, Self::Inc, Self::Full];

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::None => "none",
            Self::Inc => "inc",
            Self::Full => "full",
        }
    }
}

impl FromStr for Compression {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::word);
        Self::ALL.into_iter().find(|c| c.word() == text).ok_or_else(|| unknown("compression", text, &known))
    }
}

impl FromStr for Storage {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::word);
        Self::ALL.into_iter().find(|s| s.word() == text).ok_or_else(|| unknown("storage", text, &known))
    }
}

impl MigrationOptions {
    /// Refuses what no hypervisor does together: libvirt or QEMU refuse these, some only when the move has begun, or leave
    /// one of both out without a word.
    ///
    /// # Errors
    /// In a sentence that names both options.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.cold && (Self { cold: true, check_cpu: self.check_cpu, ..Self::default() }) != *self {
            return Err("a cold move stops its guest first: of the other options only check-cpu goes with it");
        }
        let post_copy = self.post_copy || self.may_post_copy;
        let parallel = self.parallel.is_some();
        match self.compression {
            Some(Compression::Xbzrle | Compression::Mt) if parallel => {
                return Err("compression xbzrle and mt do nothing over parallel connections: use zlib or zstd there");
            }
            Some(Compression::Zlib | Compression::Zstd) if !parallel => {
                return Err("compression zlib and zstd go over parallel connections only: add parallel");
            }
            Some(Compression::Mt) if post_copy => return Err("compression mt and post-copy exclude each other"),
            _ => {}
        }
        match (self.tunnelled, parallel, self.tls, post_copy) {
            (true, true, _, _) => Err("a tunnelled move has one connection: leave out parallel or tunnelled"),
            (true, _, true, _) => {
                Err("a tunnelled move is as safe as libvirt's connection: leave out tls or tunnelled")
            }
            (true, _, _, true) => Err("a tunnelled move cannot switch to post-copy: leave out one of them"),
            (_, true, _, true) => Err("parallel connections and post-copy exclude each other"),
            _ if self.tunnelled && matches!(self.storage, Storage::Inc | Storage::Full) => {
                Err("a tunnelled move copies no disks: leave out storage or tunnelled")
            }
            _ => Ok(()),
        }
    }

    /// With what a rescue plan needs from the beginning; what was said stays. A plan's compression is left out where other
    /// options exclude it.
    #[must_use]
    pub fn with_plan(mut self, plan: &RescuePlan) -> Self {
        self.max_downtime = self.max_downtime.or(plan.max_downtime);
        self.auto_converge |= plan.auto_converge;
        self.may_post_copy |= plan.steps.iter().any(|step| step.action == RescueAction::PostCopy);
        self.may_throttle |= plan.steps.iter().any(|step| matches!(step.action, RescueAction::Throttle(_)));
        if plan.compress && self.parallel.is_none() {
            self.compression = self.compression.or(Some(Compression::Xbzrle));
        }
        self
    }
}

/// What options are called in one line of words, with what their value is like.
const WORDS: [(&str, &str); 10] = [
    ("post-copy", ""),
    ("auto-converge", ""),
    ("compression", "xbzrle"),
    ("parallel", "4"),
    ("storage", "full"),
    ("tunnelled", ""),
    ("tls", ""),
    ("check-cpu", ""),
    ("rescue", "suspend-workload"),
    ("cold", ""),
];

/// All that is said of how VMs move, but for what has a field of its own: read from `post-copy parallel=4`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MoveWords {
    /// Options.
    pub options: MigrationOptions,
    /// What is done about moves that do not end.
    pub rescue: Option<Arc<RescuePlan>>,
}

impl FromStr for MoveWords {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut said = Self::default();
        let options = &mut said.options;
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let Some((_, example)) = WORDS.iter().find(|(known, _)| *known == name) else {
                return Err(unknown("option", name, &WORDS.map(|(known, _)| known)));
            };
            let switch = match name {
                "post-copy" => &mut options.post_copy,
                "auto-converge" => &mut options.auto_converge,
                "tunnelled" => &mut options.tunnelled,
                "tls" => &mut options.tls,
                "check-cpu" => &mut options.check_cpu,
                "cold" => &mut options.cold,
                _ => {
                    let Some(value) = value.filter(|value| !value.is_empty()) else {
                        return Err(format!("`{name}` needs a value, as in {name}={example}"));
                    };
                    match name {
                        "compression" => options.compression = Some(value.parse()?),
                        "storage" => options.storage = value.parse()?,
                        "rescue" => said.rescue = Some(Arc::new(RescuePlan::named(value)?)),
                        _ => options.parallel = Some(connections(value)?),
                    }
                    continue;
                }
            };
            if value.is_some() {
                return Err(format!("`{name}` takes no value"));
            }
            *switch = true;
        }
        said.rescue.as_ref().map_or(*options, |plan| options.with_plan(plan)).check()?;
        Ok(said)
    }
}

/// The most connections of one move that QEMU takes (`multifd-channels` is 8 bits wide).
pub const MAX_CONNECTIONS: u8 = 255;

fn connections(text: &str) -> Result<u8, String> {
    let count = text.parse().ok().filter(|&n: &u8| n > 0);
    count.ok_or_else(|| format!("parallel: found `{text}`, expected a number from 1 to {MAX_CONNECTIONS}"))
}

impl MoveWords {
    /// The options whose name begins with the last word of a line that is being written; all of them after a blank.
    pub fn continuing(line: &str) -> Vec<String> {
        let last = line.rsplit(' ').next().unwrap_or("");
        let begun = |(name, example): &(&str, &str)| {
            let value = if example.is_empty() { String::new() } else { format!("={example}") };
            name.starts_with(last).then(|| format!("{name}{value}"))
        };
        WORDS.iter().filter_map(begun).collect()
    }
}

/// What differs from the default, as in `post-copy, parallel 4, at most 1 Gbit/s`; nothing where all is as usual.
impl fmt::Display for MigrationOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        for (said, word) in [
            (self.cold, "cold"),
            (self.post_copy, "post-copy"),
            (self.auto_converge, "auto-converge"),
            (self.tunnelled, "tunnelled"),
            (self.tls, "TLS"),
            (self.check_cpu, "CPU checked"),
        ] {
            if said {
                parts.push(word.into());
            }
        }
        parts.extend(self.compression.map(|c| format!("compression {}", c.word())));
        parts.extend(self.parallel.map(|n| format!("parallel {n}")));
        if self.storage != Storage::Auto {
            parts.push(format!("storage {}", self.storage.word()));
        }
        parts.extend(self.bandwidth.map(|rate| format!("at most {rate}")));
        parts.extend(self.max_downtime.map(|span| format!("max downtime {}", Span(span))));
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_words_is_read() {
        let said: MoveWords = "post-copy auto-converge rescue=minimal-downtime".parse().unwrap();
        assert!(said.options.post_copy && said.options.auto_converge);
        assert_eq!(&*said.rescue.unwrap().name, "minimal-downtime");
        let said: MoveWords = "parallel=4 compression=zstd storage=full".parse().unwrap();
        assert_eq!(said.options.to_string(), "compression zstd, parallel 4, storage full");
        assert_eq!("".parse(), Ok(MoveWords::default()));
        for (text, why) in [
            ("postcopy", "unknown option `postcopy`, did you mean `post-copy`?"),
            ("parallel", "`parallel` needs a value, as in parallel=4"),
            ("parallel=0", "parallel: found `0`, expected a number from 1 to 255"),
            ("tls=yes", "`tls` takes no value"),
            ("rescue=postcopy", "unknown rescue plan `postcopy`, did you mean `post-copy`?"),
            (
                "cold rescue=post-copy",
                "a cold move stops its guest first: of the other options only check-cpu goes with it",
            ),
            ("tunnelled parallel=2", "a tunnelled move has one connection: leave out parallel or tunnelled"),
            ("compression=zlib", "compression zlib and zstd go over parallel connections only: add parallel"),
        ] {
            assert_eq!(text.parse::<MoveWords>().unwrap_err(), why);
        }
        assert_eq!(MoveWords::continuing("tls par"), ["parallel=4"]);
        assert_eq!(MoveWords::continuing("tls ").len(), WORDS.len());
    }

    #[test]
    fn a_plan_brings_what_it_needs_and_overrides_nothing() {
        let plan = RescuePlan::named("post-copy").unwrap();
        let options = MigrationOptions::default().with_plan(&plan);
        assert!(options.may_post_copy && options.auto_converge && !options.post_copy);
        assert_eq!(options.max_downtime, Some(Duration::from_millis(100)));
        let longer = MigrationOptions { max_downtime: Some(Duration::from_secs(1)), ..MigrationOptions::default() };
        assert_eq!(longer.with_plan(&plan).max_downtime, longer.max_downtime);
        let parallel = MigrationOptions { parallel: Some(2), ..MigrationOptions::default() };
        assert!(parallel.with_plan(&plan).check().is_err());
        assert_eq!(parallel.with_plan(&RescuePlan::named("suspend-workload").unwrap()).check(), Ok(()));
    }
}
