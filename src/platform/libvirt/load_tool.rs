//! The load tools that run in guests: whether they still do, and how much memory they dirty.
//!
//! A guest ends its largest process when it runs out of memory, and that is the load tool. Nobody would notice: what is
//! measured from then on is without load. Its agent is asked for the report that the tool keeps in a file, and for its
//! process where there is no newer one, with three questions each. So is, once, every other guest: an earlier run may have
//! loaded it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::agent::{self, AgentError};
use super::host::Host;
use super::queue::lock;
use super::serial;
use super::trouble::Trouble;
use crate::doctor::{LoadSeen, Sign, TAIL, Teller, killed};
use crate::fleet::{Bytes, Load, Rate, Share};
use crate::platform::{Observation, VmKey};

/// What a process of the tool is called.
const NAME: &[u8] = b"hemera-load";
/// Where it has its latest report.
const REPORT: &str = "/run/hemera-load.json";
/// What an agent says of a file that is not there, with the C library's words.
const NOT_THERE: &str = "No such file or directory";

/// What is known of the load tool in a guest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tool {
    /// Its process; none where the guest has no load.
    pid: Option<u32>,
    /// Bytes that it dirties in a second, by its last report.
    dirties: u64,
    /// When that was, in milliseconds since it started.
    at: u64,
}

/// The load tools in a host's guests, by the guests' names. One that is not in it was not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Tools(Mutex<HashMap<Arc<str>, Tool>>);

impl Tools {
    /// A guest has a load, which this process makes, or none.
    pub(super) fn take(&self, vm: &Arc<str>, pid: Option<u32>) {
        lock(&self.0).insert(vm.clone(), Tool { pid, ..Tool::default() });
    }

    /// Nothing is known of a guest any more: it is another one, or elsewhere.
    pub(super) fn forget(&self, vm: &str) {
        lock(&self.0).remove(vm);
    }

    /// A guest has come of which that is known.
    pub(super) fn arrive(&self, vm: &Arc<str>, tool: Option<Tool>) {
        let mut tools = lock(&self.0);
        match tool {
            Some(tool) => tools.insert(vm.clone(), tool),
            None => tools.remove(vm),
        };
    }

    /// What is known of a guest.
    pub(super) fn of(&self, vm: &str) -> Option<Tool> {
        lock(&self.0).get(vm).copied()
    }

    /// Bytes that a guest's tool dirties in a second.
    pub(super) fn dirties(&self, vm: &str) -> u64 {
        self.of(vm).map_or(0, |tool| tool.dirties)
    }

    /// A guest is `known` to have one no more or another one, unless something else has become known meanwhile. `tell` is
    /// called before anything else can.
    fn change(&self, vm: &Arc<str>, known: Option<Tool>, now: Tool, tell: impl FnOnce()) {
        let mut tools = lock(&self.0);
        if tools.get(vm).copied() == known {
            tools.insert(vm.clone(), now);
            tell();
        }
    }
}

/// Looks at the load tool of a guest whose agent answers, and says what there is to be said of it. Fails where the agent
/// does not tell.
pub(super) fn look(host: &Host, vm: &Arc<str>) -> Result<(), AgentError> {
    let known = host.tools.of(vm);
    let (now, seen) = match known {
        None => find(host, vm)?,
        Some(tool @ Tool { pid: Some(pid), .. }) => watch(host, vm, tool, pid)?,
        Some(Tool { pid: None, .. }) => return Ok(()),
    };
    let news = known != Some(now);
    host.tools.change(vm, known, now, || {
        if news && !seen.is_empty() {
            let sign = |seen| Observation::Sign { vm: VmKey::Name(vm.clone()), sign: Sign::Load(seen) };
            host.queue.push(Some(host.id), seen.into_iter().map(sign).collect());
        }
    });
    Ok(())
}

/// Whether a guest has a load of which nothing is known here.
fn find(host: &Host, vm: &str) -> Result<(Tool, Vec<LoadSeen>), AgentError> {
    let Some(report) = report(host, vm)?.filter(|report| !report.asks_nothing()) else {
        return Ok((Tool::default(), Vec::new()));
    };
    if !runs(host, vm, report.pid)? {
        return Ok((Tool::default(), Vec::new()));
    }
    let working_set = (report.load.dirty_rate.0 > 0.0).then_some(LoadSeen::Has(report.working_set));
    let seen = [LoadSeen::Found(report.load), report.told()].into_iter().chain(working_set);
    Ok((report.tool(), seen.collect()))
}

/// Whether that process of a guest still makes its load, and which.
fn watch(host: &Host, vm: &Arc<str>, known: Tool, pid: u32) -> Result<(Tool, Vec<LoadSeen>), AgentError> {
    // One that is older has none, and one whose load is new none yet.
    let report = report(host, vm)?.filter(|report| report.pid == pid);
    // What reports lives.
    if report.as_ref().is_none_or(|report| report.at <= known.at) && !runs(host, vm, pid)? {
        let log = serial::read(host, vm, None, TAIL as u64).ok();
        let why = log.and_then(|log| killed(&String::from_utf8_lossy(&log.bytes), pid));
        return Ok((Tool::default(), vec![LoadSeen::Gone { why }]));
    }
    Ok(report.map_or((known, Vec::new()), |report| (report.tool(), vec![report.told()])))
}

/// What the tool in a guest reported last; none where there is none.
fn report(host: &Host, vm: &str) -> Result<Option<Report>, AgentError> {
    Ok(read(host, vm, REPORT)?.as_deref().and_then(Report::read))
}

/// What is read of a tool's report.
#[derive(Debug, Clone, PartialEq)]
struct Report {
    pid: u32,
    /// What it was asked for; its working set was asked for in bytes.
    load: Load,
    working_set: Bytes,
    dirties: u64,
    /// In milliseconds since it started.
    at: u64,
}

impl Report {
    fn read(text: &[u8]) -> Option<Self> {
        let report: Value = serde_json::from_slice(text).ok()?;
        let (asked, achieved) = (&report["asked"], &report["achieved"]);
        Some(Self {
            pid: report["pid"].as_u64()?.try_into().ok()?,
            load: Load {
                cpu: Share(asked["cpu"].as_f64()?),
                dirty_rate: Rate(asked["dirty"].as_f64()?),
                working_set: None,
            },
            working_set: Bytes(achieved["working_set"].as_u64()?),
            dirties: achieved["dirty"].as_u64()?,
            at: (report["time_s"].as_f64()? * 1000.0) as u64,
        })
    }

    fn asks_nothing(&self) -> bool {
        self.load.cpu.0 == 0.0 && self.load.dirty_rate.0 == 0.0
    }

    fn tool(&self) -> Tool {
        Tool { pid: Some(self.pid), dirties: self.dirties, at: self.at }
    }

    fn told(&self) -> LoadSeen {
        LoadSeen::Dirties(Rate(self.dirties as f64), Teller::Tool)
    }
}

/// Whether that process of a guest is the tool's. Fails where the agent does not tell. Blocks.
fn runs(host: &Host, vm: &str, pid: u32) -> Result<bool, AgentError> {
    Ok(read(host, vm, &format!("/proc/{pid}/cmdline"))?.is_some_and(|line| is_tool(&line)))
}

/// A small file of a guest; none where there is no such. Blocks.
fn read(host: &Host, vm: &str, path: &str) -> Result<Option<Vec<u8>>, AgentError> {
    let handle = match agent::ask(host, vm, "guest-file-open", &json!({ "path": path, "mode": "r" })) {
        Err(AgentError::Trouble(Trouble::Refused { error, .. })) if is_missing(error.message(), path) => {
            return Ok(None);
        }
        opened => opened?,
    };
    let read = agent::ask(host, vm, "guest-file-read", &json!({ "handle": handle, "count": 4096 }));
    // Its agent closes what is left open when it ends.
    let _ = agent::ask(host, vm, "guest-file-close", &json!({ "handle": handle }));
    let text = read?["buf-b64"].as_str().and_then(|text| STANDARD.decode(text).ok());
    Ok(Some(text.unwrap_or_default()))
}

/// Whether an agent says that a file is not there. libvirt says the same of its own socket.
fn is_missing(said: &str, path: &str) -> bool {
    said.contains(path) && said.contains(NOT_THERE)
}

/// Whether that is the command line of the tool's process. One that has ended and of which nobody has taken note has none.
fn is_tool(line: &[u8]) -> bool {
    let program = line.split(|byte| *byte == 0).next().unwrap_or_default();
    program.rsplit(|byte| *byte == b'/').next() == Some(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_the_tools_by_its_command_line() {
        assert!(is_tool(b"hemera-load\0--control\0/run/hemera-load\0"));
        assert!(is_tool(b"/usr/bin/hemera-load\0"));
        assert!(!is_tool(b"sh\0-c\0hemera-load\0"), "another process has its number");
        assert!(!is_tool(b""));
    }

    #[test]
    fn only_an_agent_says_that_a_file_is_not_there() {
        let said = "internal error: unable to execute QEMU agent command 'guest-file-open': failed to open file \
                    '/proc/124/cmdline' (mode: 'r'): No such file or directory";
        assert!(is_missing(said, "/proc/124/cmdline"));
        let said = "Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory";
        assert!(!is_missing(said, "/proc/124/cmdline"));
    }

    #[test]
    fn a_report_says_what_is_asked_and_what_is_done() {
        let text = br#"{"pid":124,"time_s":6.1,"window_s":1.1,
            "asked":{"cpu":0.05,"dirty":2000000,"working_set":60395520,"disk":0,"net":0},
            "achieved":{"cpu":0.19,"dirty":1507567,"working_set":27852800,"passes":0.4},"errors":[]}"#;
        let report = Report::read(text).expect("a report");
        assert_eq!(report.tool(), Tool { pid: Some(124), dirties: 1_507_567, at: 6100 });
        assert_eq!(report.working_set, Bytes(27_852_800));
        assert!(!report.asks_nothing());
        assert_eq!(Report::read(b"{\"pid\":1"), None);
        assert_eq!(Report::read(b""), None);
    }

    #[test]
    fn what_became_known_meanwhile_is_not_overwritten() {
        let tools = Tools::default();
        let vm: Arc<str> = "vm-1".into();
        let mut told = 0;
        tools.take(&vm, Some(7));
        let (known, gone) = (tools.of(&vm), Tool::default());
        tools.take(&vm, Some(9));
        tools.change(&vm, known, gone, || told += 1);
        assert_eq!(tools.of(&vm).and_then(|tool| tool.pid), Some(9));
        tools.change(&vm, tools.of(&vm), gone, || told += 1);
        assert_eq!(tools.of(&vm), Some(gone));
        assert_eq!(told, 1);
    }
}
