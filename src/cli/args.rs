//! The flags and subcommands.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::console::{ConfigError, Key, Overrides};
use crate::fleet::Bytes;
use crate::lab::{MAX_HOSTS, MAX_SITES, MAX_VMS, Shape};

/// The world where none is named.
pub(super) const DEFAULT_WORLD: &str = "grid5000-2012";

/// The seed where neither flag nor file gives one.
pub(super) const DEFAULT_SEED: u64 = 1;

const AFTER_HELP: &str = "\
Exit codes:
  0    all went as asked
  1    tasks failed, or the run could not go on
  2    a file, a flag or a name is wrong; nothing was done
  130  ended early by Ctrl-C

Environment:
  HEMERA_*    each setting of the console, as in HEMERA_THEME=light; see docs/settings.md. A flag goes before it, it goes
              before the configuration file
  HEMERA_LOG  what is logged to $XDG_STATE_HOME/hemera/hemera.log (else ~/.local/state), as in `debug`; default `info`";

/// Runs virtual machines by the ten thousand on Grid'5000, real or simulated, and shows them.
///
/// Without a subcommand: the console.
#[derive(Debug, Parser)]
#[command(name = "hemera", version, after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub task: Option<Task>,
    #[command(flatten)]
    pub console: ConsoleArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Task {
    /// Run a workflow without a console and write what happened to a directory; VMs are left running
    #[command(after_help = AFTER_HELP)]
    Run(RunArgs),
    /// Check files that people write: worlds, workflows, configuration, themes, keymaps, plugins
    Check(CheckArgs),
    /// Grid'5000 in a box: sites of real libvirt hosts on this machine, in namespaces of their own. Needs root
    #[command(subcommand, after_help = AFTER_HELP)]
    Lab(LabTask),
    /// Write the documentation that comes from the code: all actions, keys, themes and settings
    #[command(hide = true)]
    Docs {
        /// The directory
        #[arg(default_value = "docs")]
        dir: PathBuf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How fast the simulator's clock runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as the wall clock; above 0.
    Times(f64),
    /// As fast as it can.
    Max,
}

impl Speed {
    /// How many times as fast; none for as fast as it can.
    pub(super) const fn times(self) -> Option<f64> {
        match self {
            Self::Times(times) => Some(times),
            Self::Max => None,
        }
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.strip_suffix('x').unwrap_or(text).parse::<f64>() {
            Ok(times) if (0.001..=1e6).contains(&times) => Ok(Self::Times(times)),
            _ => Err("expected `max`, or how many times as fast as real time, from 0.001 to 1000000".into()),
        }
    }
}

/// What the console is opened on.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct ConsoleArgs {
    /// The world: a file, or a built-in name (grid5000-2012, grid5000-2026, small, faulty) [default: grid5000-2012]
    #[arg(long, value_name = "FILE|NAME")]
    pub world: Option<String>,
    /// So many VMs of 64 MiB run already; hosts are multiplied where they do not fit. Simulator only
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub vms: u32,
    /// Seed of every random choice
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    pub seed: u64,
    /// How many times as fast as real time the simulator's clock runs [default: 1]
    #[arg(long, value_name = "X")]
    pub speed: Option<Speed>,
    /// Look, change nothing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub read_only: Option<String>,
    /// VM classes to boot from: the [vm.*] tables of a workflow file. Without it the simulator offers a few classes,
    /// real hosts none
    #[arg(long, value_name = "WORKFLOW.toml")]
    pub classes: Option<PathBuf>,
    /// The theme: a file, or a name: auto, dark, light, high-contrast, okabe-ito, tritan, ansi16, mono
    #[arg(long, value_name = "FILE|NAME")]
    pub theme: Option<String>,
    /// The keymap: a file, or a name: default, vim, emacs
    #[arg(long, value_name = "FILE|NAME")]
    pub keymap: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub ascii: Option<String>,
    /// Colours that the terminal has: auto, none, 16, 256, true
    #[arg(long, value_name = "COLORS")]
    pub colors: Option<String>,
    /// The terminal's background, for the theme `auto`: auto, dark, light
    #[arg(long, value_name = "SHADE")]
    pub background: Option<String>,
    /// Use the mouse; without, the terminal's own selecting works
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub mouse: Option<String>,
    /// How numbers and dates are written, as in `fr_FR`
    #[arg(long, value_name = "NAME")]
    pub locale: Option<String>,
    /// Destroy and reboot of more VMs than this want the count typed
    #[arg(long, value_name = "N")]
    pub confirm_above: Option<String>,
    /// The configuration file [default: `$XDG_CONFIG_HOME/hemera/config.toml`, else `~/.config/hemera/config.toml`]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Play a demo in a simulated world of its own: a file, or a built-in name [default: first]
    #[arg(long, value_name = "FILE|NAME", num_args = 0..=1, default_missing_value = "first")]
    #[arg(conflicts_with_all = ["world", "vms", "seed", "speed", "read_only", "classes"])]
    pub demo: Option<String>,
    /// How many times as fast as its own pace the demo is played
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = pace, requires = "demo")]
    pub pace: f64,
}

impl ConsoleArgs {
    /// What the flags say about settings.
    ///
    /// # Errors
    /// With the name of the flag that says what cannot be understood.
    pub(super) fn overrides(&self, mut overrides: Overrides) -> Result<Overrides, ConfigError> {
        let speed = self.speed.and_then(Speed::times).map(|times| times.to_string());
        for (key, text) in [
            (Key::Theme, &self.theme),
            (Key::Keymap, &self.keymap),
            (Key::Ascii, &self.ascii),
            (Key::Colors, &self.colors),
            (Key::Background, &self.background),
            (Key::Mouse, &self.mouse),
            (Key::Locale, &self.locale),
            (Key::ReadOnly, &self.read_only),
            (Key::ConfirmAbove, &self.confirm_above),
            (Key::World, &self.world),
            (Key::Speed, &speed),
        ] {
            overrides.flag(key, text.as_deref())?;
        }
        Ok(overrides)
    }
}

/// A run without a console.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct RunArgs {
    /// The workflow file
    pub workflow: PathBuf,
    /// Where results go: a new or empty directory, or that of an earlier run, which is overwritten
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The world: a file, or a built-in name (grid5000-2012, grid5000-2026, small, faulty)
    #[arg(long, value_name = "FILE|NAME", default_value = DEFAULT_WORLD)]
    pub world: String,
    /// Seed of every random choice [default: the workflow's, else 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many times as fast as real time the simulator's clock runs, or `max` [default: max; real hosts take none]
    #[arg(long, value_name = "X|max")]
    pub speed: Option<Speed>,
}

/// Files to check.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct CheckArgs {
    /// Files; what each is, is told by its content
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Check that workflows fit this world, too: a file, or a built-in name
    #[arg(long, value_name = "FILE|NAME")]
    pub world: Option<String>,
}

/// What is done with labs.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum LabTask {
    /// Start a lab and write the world file that opens it
    Up(LabUp),
    /// Show the labs of this machine: hosts, VMs, links, world files
    Status,
    /// Build a disk image of Debian with systemd, cloud-init, sshd and stress-ng, for labs that start afterwards
    Image,
    /// End a lab with all its VMs; nothing is left but the guest images in /var/cache/hemera, for the next one
    Down {
        /// The lab's directory [default: the only lab]
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
        /// End all labs of this machine
        #[arg(long, conflicts_with = "dir")]
        all: bool,
    },
    /// Break something in a lab, to see what becomes of it
    Fault {
        /// What breaks
        #[command(subcommand)]
        what: LabFault,
        /// The lab's directory [default: the only lab]
        #[arg(long, value_name = "DIR", global = true)]
        dir: Option<PathBuf>,
    },
    /// Mend everything that `lab fault` broke; killed VMs stay away
    Mend {
        /// The lab's directory [default: the only lab]
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Switch a host of a lab on or off, or both, as a testbed's own tools do; its VMs die with it
    Power {
        /// What becomes of it
        power: LabPower,
        /// As in `paradoxe-1`
        host: String,
        /// The lab's directory [default: the only lab]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// End a host's libvirtd, however it is, and start it again; its VMs run on
    RestartLibvirtd {
        /// As in `paradoxe-1`
        host: String,
        /// The lab's directory [default: the only lab]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Play a link between two TAP devices
    #[command(hide = true)]
    Relay {
        /// One end
        a: String,
        /// The other end
        b: String,
        /// Rate and delay
        shape: Shape,
    },
}

/// What becomes of the power of a lab's host.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum LabPower {
    /// It is on, and what was broken of it is mended
    On,
    /// It is off, and its cable is dead
    Off,
    /// Off, then on
    Reboot,
}

/// What breaks in a lab.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum LabFault {
    /// A host's libvirtd stands still: it takes connections and answers nothing
    Hang {
        /// As in `paradoxe-1`
        host: String,
    },
    /// A host's libvirtd is killed; its VMs run on
    Kill {
        /// As in `paradoxe-1`
        host: String,
    },
    /// A host's cable is cut, also for its VMs
    Cut {
        /// As in `paradoxe-1`
        host: String,
    },
    /// A host's disk is full; the lab must have been started with --disk
    Full {
        /// As in `paradoxe-1`
        host: String,
    },
    /// The gateway gives no addresses
    NoDhcp,
    /// A VM's QEMU is killed
    KillVm {
        /// Its name
        vm: String,
    },
    /// A VM's QEMU stands still
    FreezeVm {
        /// Its name
        vm: String,
    },
}

/// A lab that is to be.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct LabUp {
    /// Sites
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=MAX_SITES as i64))]
    pub sites: u16,
    /// Hosts of each site
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=MAX_HOSTS as i64))]
    pub hosts: u16,
    /// Rate and one-way delay of the links between sites, as in `1 Gbit/s,10 ms` [default: as fast as the machine]
    #[arg(long, value_name = "RATE,DELAY")]
    pub link: Option<Shape>,
    /// VMs of each site that can get an address
    #[arg(long, value_name = "N", default_value_t = MAX_VMS as u16, value_parser = clap::value_parser!(u16).range(1..=MAX_VMS as i64))]
    pub vms: u16,
    /// Size of a disk of each host's own, as in `2 GiB` [default: they share the machine's]
    #[arg(long, value_name = "SIZE", value_parser = disk)]
    pub disk: Option<Bytes>,
    /// Where its files go, a new or empty directory [default: /var/lib/hemera/lab/N]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// A disk that holds a file system and something on it.
fn disk(text: &str) -> Result<Bytes, String> {
    let size: Bytes = text.parse().map_err(|error| format!("{error}"))?;
    if (Bytes::mib(16)..=Bytes::mib(1 << 20)).contains(&size) {
        Ok(size)
    } else {
        Err("expected 16 MiB to 1 TiB".into())
    }
}

/// How fast a demo is played.
fn pace(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(pace) if (0.05..=10_000.0).contains(&pace) => Ok(pace),
        _ => Err("expected a number from 0.05 to 10000".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_theme_and_keymap() {
        use crate::console::{Keymap, Theme};
        use clap::CommandFactory;
        let help = Args::command().render_long_help().to_string();
        for name in Theme::names().chain(Keymap::names()) {
            assert!(help.contains(name), "{name}");
        }
    }

    #[test]
    fn a_speed_is_a_factor_or_max() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("10".parse(), Ok(Speed::Times(10.0)));
        assert_eq!("0.5x".parse(), Ok(Speed::Times(0.5)));
        for bad in ["0", "-1", "NaN", "inf", "fast", ""] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }
}
