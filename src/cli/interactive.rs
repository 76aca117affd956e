//! The console, on a world.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use super::args::{ConsoleArgs, Speed};
use super::platform::{self, Opened};
use super::{DONE, Failure, classes};
use crate::console::{self, ConfigError, ConsoleError, Demo, Key, Options, Overrides};
use crate::engine::Engine;
use crate::fleet::Time;
use crate::handle::{About, Handle, Limits};
use crate::platform::sim::SimPlatform;
use crate::runtime::{self, Driver, Running};
use crate::world::{Kind, World};

/// The names of VMs that run already.
const PRELOADED: &str = "vm-{n}";

/// Opens the console and returns the exit code.
pub(super) fn open(args: &ConsoleArgs) -> Result<u8, Failure> {
    let mut options = options(args)?;
    let mut args = args.clone();
    let mut speed = options.settings.speed();
    let mut name = options.settings.text(Key::World).to_owned();
    if let Some(demo) = &args.demo {
        let demo = Demo::load(demo).map_err(Failure::input)?;
        name.clone_from(&demo.world);
        speed = demo.speed;
        (args.vms, args.seed) = (demo.vms, demo.seed);
        options.demo = Some((Arc::new(demo), args.pace));
    }
    // Mistakes in files are told before anything is started.
    options.check()?;
    // A mistake in a world's file is told as it is, of a name that nothing has who named it.
    let world = World::load(&name).map_err(|error| match error.place {
        Some(_) => Failure::input(error),
        None => Failure::input(options.settings.blame(Key::World, &error.to_string())),
    })?;
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::input(
            "the console needs a terminal on its standard input and output; `hemera run` needs none",
        ));
    }
    let (handle, running) = start(&args, world, speed)?;
    let handle = if options.read_only { handle.read_only() } else { handle };
    let closed = console::run(handle, &options);
    // The console dropped its handle; that ends the runtime, unless something else did before.
    running.join()?;
    match closed {
        Ok(()) => Ok(DONE),
        Err(error @ (ConsoleError::Config(_) | ConsoleError::NoTerminal)) => Err(Failure::input(error)),
        Err(error) => Err(Failure::Unforeseen(error.into())),
    }
}

/// How the console looks: flags before the environment, and that before the configuration file.
fn options(args: &ConsoleArgs) -> Result<Options, ConfigError> {
    let var = |name: &str| std::env::var(name).ok();
    let overrides = args.overrides(Overrides::from_env(&var)?)?;
    Options::read(args.config.clone(), overrides, &var)
}

/// Starts the runtime that the console looks at.
fn start(args: &ConsoleArgs, world: World, speed: f64) -> Result<(Handle, Running), Failure> {
    let world = world.with_seed(args.seed).with_default_load();
    let tiny = classes::tiny();
    let world = world.fit(args.vms, tiny.memory);
    let speed = match (&world.kind, args.speed) {
        (Kind::Libvirt(_), Some(_)) => {
            return Err(Failure::input("--speed: real hosts run in real time; leave it away"));
        }
        (Kind::Libvirt(_), None) if args.vms > 0 => {
            return Err(Failure::input("--vms: on real hosts, boot VMs from the console"));
        }
        (_, Some(Speed::Max)) => {
            return Err(Failure::input("--speed: the console cannot follow `max`; give a number, as in 10"));
        }
        _ => speed,
    };
    let about = Arc::new(About {
        world: world.name.clone(),
        platform: world.platform().into(),
        multiplied: world.multiplied,
        speed,
        classes: classes::offered(&world.kind, args.classes.as_deref())?,
        power: world.power_actions(),
    });
    let engine = platform::engine(&world, args.seed, Limits::default(), true);
    match platform::open(&world)? {
        Opened::Sim(sim) => {
            let (vms, room) = (args.vms, world.room(tiny.memory));
            if room < u64::from(vms) {
                return Err(Failure::input(format!(
                    "--vms {vms}: world `{}` has room for {room} VMs of {}",
                    world.name, tiny.memory
                )));
            }
            let driver = Driver::new(engine, *sim, (), None);
            if vms == 0 {
                return Ok(runtime::spawn_paced(driver, speed, about)?);
            }
            let fill = move |engine: &mut Engine, sim: &mut SimPlatform| {
                engine.preload(Time::ZERO, &tiny, vms, PRELOADED);
                sim.place(engine.fleet());
            };
            Ok(runtime::spawn_filled(driver, vms, fill, speed, about)?)
        }
        #[cfg(feature = "libvirt")]
        Opened::Libvirt { platform, notify, started } => {
            Ok(runtime::spawn_live(Driver::new(engine, platform, (), None), started, notify, about)?)
        }
    }
}
