//! The checks that make a [`Workflow`] of what a file holds.

use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use crate::files::{Checker, FileError, Source, suggestion};
use crate::fleet::{Bytes, Image, Load, Rate, Ready, SelectError, Selection, VmClass};
use crate::handle::{Boot, Evacuate, Migrate, Moves, OperationSpec, Pattern, Placement, Step, VmChange, Which};

mod copy;
mod power;
mod reach;
mod run;
mod spread;

use super::raw::{
    RawBoot, RawClass, RawEvacuate, RawMigrate, RawPattern, RawPlacement, RawReady, RawRecord, RawSelect, RawStep,
    RawStress, RawWorkflow,
};
use super::{DEFAULT_SAMPLES, Recording, StepSpans, Workflow};

const STEPS: [&str; 16] = [
    "boot",
    "wait",
    "stress",
    "stop-stress",
    "migrate",
    "evacuate",
    "destroy",
    "shutdown",
    "pause",
    "resume",
    "reboot",
    "run",
    "copy-in",
    "copy-out",
    "spread",
    "power",
];

/// The most VMs that one step boots.
const MAX_COUNT: u32 = 10_000_000;
/// The most memory of a VM.
const MAX_MEMORY: Bytes = Bytes(1 << 44);
/// The longest wait: a hundred days.
const MAX_WAIT: Duration = Duration::from_hours(100 * 24);

/// Reads and checks a workflow.
pub(super) fn build(source: Source) -> Result<Workflow, FileError> {
    let raw: RawWorkflow = source.parse()?;
    let read = Reader(Checker { source: &source });
    if raw.name.get_ref().trim().is_empty() {
        return read.fail(&raw.name, "found an empty name, expected one that says what the workflow is");
    }
    let mut classes = Vec::new();
    let mut image_spans = Vec::new();
    // In the order in which they are written, which consoles offer them in.
    let mut written: Vec<_> = raw.vm.iter().collect();
    written.sort_by_key(|(name, _)| name.span().start);
    for (name, class) in written {
        classes.push(Arc::new(read.class(name, class)?));
        image_spans.push(class.get_ref().image.as_ref().map_or_else(|| class.span(), Spanned::span));
    }
    let record = read.record(&raw.record)?;
    if raw.step.is_empty() {
        return Err(source.error(&(0..0), "no [[step]]: expected at least one"));
    }
    let mut steps = Vec::with_capacity(raw.step.len());
    let mut spans = Vec::with_capacity(raw.step.len());
    for (index, step) in raw.step.iter().enumerate() {
        let (step, span) = read.step(index, step, &classes, &image_spans)?;
        steps.push(step);
        spans.push(span);
    }
    Ok(Workflow {
        name: raw.name.get_ref().as_str().into(),
        seed: raw.seed,
        classes,
        limits: raw.limits,
        record,
        steps,
        spans,
        sampled: raw.record.vms.map(|vms| vms.span()).unwrap_or_default(),
        source,
    })
}

struct Reader<'a>(Checker<'a>);

impl<'a> Deref for Reader<'a> {
    type Target = Checker<'a>;
    fn deref(&self) -> &Checker<'a> {
        &self.0
    }
}

impl Reader<'_> {
    fn class(&self, name: &Spanned<String>, class: &Spanned<RawClass>) -> Result<VmClass, FileError> {
        let raw = class.get_ref();
        let table = format!("[vm.{}]", name.get_ref());
        if name.get_ref().is_empty() {
            return self.fail(name, "found a class without a name");
        }
        let vcpus = self.count(&raw.vcpus, 1, u32::from(u8::MAX), "vcpus")? as u8;
        let memory = self.bytes(&raw.memory, Bytes::MIB, MAX_MEMORY, "memory")?;
        let image = match (&raw.image, &raw.kernel) {
            (Some(_), Some(kernel)) => {
                return self.fail(kernel, format!("{table} has both `image` and `kernel`, expected one of them"));
            }
            (None, None) => {
                let message =
                    format!("{table} has nothing to boot from: expected `image`, or `kernel` (`initrd`, `cmdline`)");
                return self.fail(class, message);
            }
            (Some(image), None) => {
                for (key, without) in [("initrd", &raw.initrd), ("cmdline", &raw.cmdline)] {
                    if let Some(value) = without {
                        return self.fail(value, format!("`{key}` in {table} goes with `kernel`, which is not there"));
                    }
                }
                match image.get_ref().as_str() {
                    "" => return self.fail(image, "image: found nothing, expected a name or path, or \"none\""),
                    "none" => Image::None,
                    disk => Image::Disk(disk.to_owned()),
                }
            }
            (None, Some(kernel)) => Image::Kernel {
                kernel: kernel.get_ref().clone(),
                initrd: raw.initrd.as_ref().map(|initrd| initrd.get_ref().clone()),
                cmdline: raw.cmdline.as_ref().map(|cmdline| cmdline.get_ref().clone()).unwrap_or_default(),
            },
        };
        Ok(VmClass {
            name: name.get_ref().as_str().into(),
            vcpus,
            memory,
            image,
            network: raw.network.clone(),
            cpu: raw.cpu.clone(),
            ready: match raw.ready.as_ref().map(Spanned::get_ref) {
                None | Some(RawReady::Up) => Ready::Up,
                Some(RawReady::Reachable) => Ready::Reachable,
            },
            agent: self.agent(raw, &table)?,
            ssh: self.guest_ssh(raw, &table)?,
            patience: match &raw.patience {
                Some(patience) => Some(self.span(patience, Duration::from_secs(1), MAX_WAIT, "patience")?),
                None => None,
            },
            ssh_key: raw.ssh_key.as_ref().map(|key| self.ssh_key(key)).transpose()?,
        })
    }

    /// The line of a public key, as it stands in a file `id_ed25519.pub`.
    fn ssh_key(&self, key: &Spanned<String>) -> Result<String, FileError> {
        let text = key.get_ref().trim();
        let mut words = text.split(' ');
        let kind =
            words.next().is_some_and(|kind| ["ssh-", "ecdsa-", "sk-"].iter().any(|known| kind.starts_with(known)));
        if kind && words.next().is_some() && !text.contains(char::is_control) {
            return Ok(text.to_owned());
        }
        self.fail(key, "ssh_key: expected the one line of a public key, as in \"ssh-ed25519 AAAA... me\"")
    }

    fn record(&self, record: &RawRecord) -> Result<Recording, FileError> {
        let samples = match &record.samples {
            None => Some(DEFAULT_SAMPLES),
            Some(span) => match span.get_ref().0 {
                Duration::ZERO => None,
                every if every < Duration::from_millis(1) || every > MAX_WAIT => {
                    let message = format!("samples: found {}, expected \"0 s\" or 1 ms to 100 days", span.get_ref());
                    return self.fail(span, message);
                }
                every => Some(every),
            },
        };
        Ok(Recording { samples, vms: record.vms.as_ref().map(|vms| self.vms(vms)).transpose()? })
    }

    fn step(
        &self,
        index: usize,
        step: &Spanned<RawStep>,
        classes: &[Arc<VmClass>],
        image_spans: &[Range<usize>],
    ) -> Result<(Step, StepSpans), FileError> {
        let raw = step.get_ref();
        let span = |span: Option<Range<usize>>, word| span.map(|span| (span, word));
        let mut given: Vec<_> = [
            span(raw.boot.as_ref().map(Spanned::span), "boot"),
            span(raw.wait.as_ref().map(Spanned::span), "wait"),
            span(raw.stress.as_ref().map(Spanned::span), "stress"),
            span(raw.stop_stress.as_ref().map(Spanned::span), "stop-stress"),
            span(raw.migrate.as_ref().map(Spanned::span), "migrate"),
            span(raw.evacuate.as_ref().map(Spanned::span), "evacuate"),
            span(raw.destroy.as_ref().map(Spanned::span), "destroy"),
            span(raw.shutdown.as_ref().map(Spanned::span), "shutdown"),
            span(raw.pause.as_ref().map(Spanned::span), "pause"),
            span(raw.resume.as_ref().map(Spanned::span), "resume"),
            span(raw.reboot.as_ref().map(Spanned::span), "reboot"),
            span(raw.run.as_ref().map(Spanned::span), "run"),
            span(raw.copy_in.as_ref().map(Spanned::span), "copy-in"),
            span(raw.copy_out.as_ref().map(Spanned::span), "copy-out"),
            span(raw.spread.as_ref().map(Spanned::span), "spread"),
            span(raw.power.as_ref().map(Spanned::span), "power"),
        ]
        .into_iter()
        .flatten()
        .collect();
        given.sort_by_key(|(span, _)| span.start);
        if let [(_, first), (at, second), ..] = given.as_slice() {
            let message =
                format!("a step has one key, found `{first}` and `{second}`: write each in a [[step]] of its own");
            return Err(self.source.error(at, message));
        }
        let Some((at, _)) = given.pop() else {
            return self.fail(step, format!("an empty step: expected one of {}", STEPS.join(", ")));
        };
        let mut spans = StepSpans { step: at, ..StepSpans::default() };
        let mut selections = Vec::new();
        let mut change = |select: &Spanned<RawSelect>, change| {
            selections.push(select.get_ref().select.span());
            self.change(&select.get_ref().select, change)
        };
        let operation = if let Some(boot) = &raw.boot {
            self.boot(boot.get_ref(), classes, image_spans, &mut spans)?
        } else if let Some(wait) = &raw.wait {
            let time = self.span(wait, Duration::ZERO, MAX_WAIT, "wait")?;
            return Ok((Step::Wait(time), spans));
        } else if let Some(stress) = &raw.stress {
            spans.selections = vec![stress.get_ref().select.span()];
            self.stress(stress.get_ref())?
        } else if let Some(select) = &raw.stop_stress {
            change(select, VmChange::StopStress)?
        } else if let Some(migrate) = &raw.migrate {
            self.migrate(migrate, &mut spans)?
        } else if let Some(evacuate) = &raw.evacuate {
            self.evacuate(evacuate, &mut spans)?
        } else if let Some(select) = &raw.destroy {
            change(select, VmChange::Destroy)?
        } else if let Some(select) = &raw.shutdown {
            change(select, VmChange::Shutdown)?
        } else if let Some(select) = &raw.pause {
            change(select, VmChange::Pause)?
        } else if let Some(select) = &raw.resume {
            change(select, VmChange::Resume)?
        } else if let Some(select) = &raw.reboot {
            change(select, VmChange::Reboot)?
        } else if let Some(run) = &raw.run {
            self.run(run, &mut spans)?
        } else if let Some(copy) = &raw.copy_in {
            self.copy_in(copy, &mut spans)?
        } else if let Some(copy) = &raw.copy_out {
            self.copy_out(copy, index, &mut spans)?
        } else if let Some(spread) = &raw.spread {
            self.spread(spread.get_ref(), &mut spans)?
        } else if let Some(power) = &raw.power {
            self.power(power.get_ref(), &mut spans)?
        } else {
            return self.fail(step, "an empty step");
        };
        spans.selections.append(&mut selections);
        Ok((Step::Operation(operation), spans))
    }

    fn boot(
        &self,
        boot: &RawBoot,
        classes: &[Arc<VmClass>],
        image_spans: &[Range<usize>],
        spans: &mut StepSpans,
    ) -> Result<OperationSpec, FileError> {
        let Some(class) = classes.iter().position(|class| *class.name == **boot.class.get_ref()) else {
            let known = classes.iter().map(|class| &*class.name);
            let hint = match classes {
                [] => ": the file has no [vm.NAME]".to_owned(),
                _ => suggestion(boot.class.get_ref(), known),
            };
            return self.fail(&boot.class, format!("unknown class `{}`{hint}", boot.class.get_ref()));
        };
        spans.image = image_spans[class].clone();
        let count = self.count(&boot.count, 1, MAX_COUNT, "count")?;
        self.vm_name(&boot.name, count)?;
        let placement = match &boot.placement {
            None => Placement::RoundRobin,
            Some(RawPlacement::Named(placement)) => placement.clone(),
            Some(RawPlacement::Fixed(hosts)) => {
                if hosts.get_ref().is_empty() {
                    return self.fail(hosts, "fixed: found no host, expected at least one");
                }
                spans.targets = hosts.get_ref().iter().map(Spanned::span).collect();
                Placement::Fixed(hosts.get_ref().iter().map(|host| host.get_ref().as_str().into()).collect())
            }
        };
        spans.selections = vec![boot.on.as_ref().map_or_else(|| spans.step.clone(), Spanned::span)];
        Ok(OperationSpec::Boot(Boot {
            class: classes[class].clone(),
            count,
            name: boot.name.get_ref().as_str().into(),
            placement,
            on: boot.on.as_ref().map_or_else(|| Ok(Selection::all()), |on| self.hosts(on))?,
        }))
    }

    /// A pattern of names that libvirt takes: no slash, no control character, and `{n}` where there is more than one.
    fn vm_name(&self, name: &Spanned<String>, count: u32) -> Result<(), FileError> {
        let text = name.get_ref();
        let without = text.replacen("{n}", "", 1);
        if count > 1 && without.len() == text.len() {
            let message =
                format!("name: found {text:?} for {count} VMs, expected a pattern with {{n}}, as in \"{text}-{{n}}\"");
            return self.fail(name, message);
        }
        if let Some(at) = without.find(['{', '}']) {
            let message = format!(
                "name: found {:?} in {text:?}, expected at most one {{n}} and no other brace",
                &without[at..=at]
            );
            return self.fail(name, message);
        }
        let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '"' | '*' | '?');
        if text.is_empty() || text.len() > 200 || text.contains(bad) {
            let message =
                format!("name: found {text:?}, expected up to 200 bytes without spaces, slashes, quotes, `*` and `?`");
            return self.fail(name, message);
        }
        Ok(())
    }

    fn stress(&self, stress: &RawStress) -> Result<OperationSpec, FileError> {
        let load = Load {
            cpu: self.share(&stress.cpu, "cpu")?,
            dirty_rate: stress
                .dirty_rate
                .as_ref()
                .map_or(Ok(Rate(0.0)), |rate| self.rate_or_zero(rate, "dirty_rate"))?,
            working_set: stress.working_set.as_ref().map(|set| self.share(set, "working_set")).transpose()?,
        };
        self.change(&stress.select, VmChange::Stress(load))
    }

    fn change(&self, select: &Spanned<String>, change: VmChange) -> Result<OperationSpec, FileError> {
        Ok(OperationSpec::Change { which: Which::Selected(self.vms(select)?), change })
    }

    fn migrate(&self, at: &Spanned<RawMigrate>, spans: &mut StepSpans) -> Result<OperationSpec, FileError> {
        let raw = at.get_ref();
        spans.selections.extend(raw.select.as_ref().map(Spanned::span));
        let which = || match &raw.select {
            Some(select) => self.vms(select).map(Which::Selected),
            None => self.fail(at, "migrate: missing key `select`, expected the VMs to move (or `moves`)"),
        };
        let moves = match (&raw.pattern, &raw.to, &raw.moves) {
            (Some(pattern), None, None) => Moves::Pattern {
                which: which()?,
                pattern: match pattern.get_ref() {
                    RawPattern::TwoNodes => Pattern::TwoNodes,
                    RawPattern::Crossed => Pattern::Crossed,
                    RawPattern::Circular => Pattern::Circular,
                    RawPattern::SplitMerge => Pattern::SplitMerge,
                },
            },
            (None, Some(to), None) => {
                spans.selections.push(to.span());
                Moves::To { which: which()?, hosts: self.hosts(to)? }
            }
            (None, None, Some(moves)) => {
                if let Some(select) = &raw.select {
                    return self
                        .fail(select, "migrate: found `select` beside `moves`, which name their VMs themselves");
                }
                if moves.get_ref().is_empty() {
                    return self.fail(moves, "moves: found none, expected at least one { vm, to }");
                }
                spans.vms = moves.get_ref().iter().map(|m| m.vm.span()).collect();
                spans.targets = moves.get_ref().iter().map(|m| m.to.span()).collect();
                let name = |name: &Spanned<String>| -> Arc<str> { name.get_ref().as_str().into() };
                Moves::Explicit(moves.get_ref().iter().map(|m| (name(&m.vm), name(&m.to))).collect())
            }
            (None, None, None) => {
                return self.fail(at, "migrate: found no target, expected `pattern`, `to` or `moves`");
            }
            _ => return self.fail(at, "migrate: found more than one of `pattern`, `to` and `moves`, expected one"),
        };
        let (options, rescue) = super::moves::options(self.0, ("migrate", at), &at.get_ref().manner())?;
        Ok(OperationSpec::Migrate(Migrate { moves, options, rescue }))
    }

    fn evacuate(&self, at: &Spanned<RawEvacuate>, spans: &mut StepSpans) -> Result<OperationSpec, FileError> {
        let raw = at.get_ref();
        spans.selections = [Some(&raw.hosts), raw.to.as_ref()].into_iter().flatten().map(Spanned::span).collect();
        let hosts = self.hosts(&raw.hosts)?;
        let to = raw.to.as_ref().map(|to| self.hosts(to)).transpose()?;
        let (options, rescue) = super::moves::options(self.0, ("evacuate", at), &raw.manner())?;
        Ok(OperationSpec::Evacuate(Evacuate { hosts, to, options, rescue }))
    }

    fn vms(&self, text: &Spanned<String>) -> Result<Selection, FileError> {
        Selection::vms(text.get_ref()).map_err(|error| self.selection(text, &error))
    }

    fn hosts(&self, text: &Spanned<String>) -> Result<Selection, FileError> {
        Selection::hosts(text.get_ref()).map_err(|error| self.selection(text, &error))
    }

    /// An error in a selection, at the character where it is.
    fn selection(&self, text: &Spanned<String>, error: &SelectError) -> FileError {
        let offset = text.get_ref().char_indices().nth(error.column - 1).map_or(text.get_ref().len(), |(i, _)| i);
        let message = format!("selection {:?}, {error}", text.get_ref());
        self.source.error_within(&text.span(), text.get_ref(), offset, message)
    }
}
