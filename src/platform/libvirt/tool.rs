//! The load tools that run in guests: whether they still do.
//!
//! A guest ends its largest process when it runs out of memory, and that is the load tool. Nobody would notice: what is
//! measured from then on is without load. Its agent is asked for the process, which costs it three questions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::agent::{self, AgentError};
use super::host::Host;
use super::queue::lock;
use super::serial;
use crate::doctor::{Shortfall, Sign, TAIL, killed};
use crate::platform::{Observation, VmKey};

/// What a process of the tool is called.
const NAME: &[u8] = b"hemera-load";
/// What an agent says of a file that is not there, with the C library's words.
const NOT_THERE: &str = "No such file or directory";

/// The processes of load tools in a host's guests, by the guests' names.
#[derive(Debug, Default)]
pub(super) struct Tools(Mutex<HashMap<Arc<str>, u32>>);

impl Tools {
    /// A guest has a load, which this process makes, or none.
    pub(super) fn take(&self, vm: &Arc<str>, pid: Option<u32>) {
        let mut tools = lock(&self.0);
        match pid {
            Some(pid) => tools.insert(vm.clone(), pid),
            None => tools.remove(vm),
        };
    }

    /// A guest goes elsewhere, with its load.
    pub(super) fn leave(&self, vm: &str) -> Option<u32> {
        lock(&self.0).remove(vm)
    }

    fn of(&self, vm: &str) -> Option<u32> {
        lock(&self.0).get(vm).copied()
    }

    /// That process is gone. `tell` is called where it is the last one that took a load, and before another can.
    fn gone(&self, vm: &str, pid: u32, tell: impl FnOnce()) {
        let mut tools = lock(&self.0);
        if tools.get(vm) == Some(&pid) {
            tools.remove(vm);
            tell();
        }
    }
}

/// Looks whether the load tool of a guest still runs, where there is to be one, and says so where it does not.
pub(super) fn look(host: &Host, vm: &Arc<str>) {
    let Some(pid) = host.tools.of(vm) else { return };
    if !matches!(runs(host, vm, pid), Ok(false)) {
        return;
    }
    let log = serial::read(host, vm, None, TAIL as u64).ok();
    let why = log.and_then(|log| killed(&String::from_utf8_lossy(&log.bytes), pid));
    host.tools.gone(vm, pid, || {
        let sign = Sign::Load(Shortfall::Gone { why });
        host.queue.push(Some(host.id), vec![Observation::Sign { vm: VmKey::Name(vm.clone()), sign }]);
    });
}

/// Whether that process of a guest is the tool's. Fails where the agent does not tell. Blocks.
fn runs(host: &Host, vm: &str, pid: u32) -> Result<bool, AgentError> {
    let path = format!("/proc/{pid}/cmdline");
    let handle = match agent::ask(host, vm, "guest-file-open", &json!({ "path": path, "mode": "r" })) {
        Err(AgentError::Trouble(trouble)) if trouble.to_string().contains(NOT_THERE) => return Ok(false),
        opened => opened?,
    };
    let read = agent::ask(host, vm, "guest-file-read", &json!({ "handle": handle, "count": 256 }));
    // Its agent closes what is left open when it ends.
    let _ = agent::ask(host, vm, "guest-file-close", &json!({ "handle": handle }));
    read.map(|read| is_tool(&read))
}

/// Whether that is the command line of the tool's process, as an agent gives what is in a file. One that has ended and of
/// which nobody has taken note has none.
fn is_tool(read: &Value) -> bool {
    let line = read["buf-b64"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let program = line.split(|byte| *byte == 0).next().unwrap_or_default();
    program.rsplit(|byte| *byte == b'/').next() == Some(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_the_tools_by_its_command_line() {
        let read = |line: &[u8]| json!({ "count": line.len(), "buf-b64": STANDARD.encode(line), "eof": true });
        assert!(is_tool(&read(b"hemera-load\0--control\0/run/hemera-load\0")));
        assert!(is_tool(&read(b"/usr/bin/hemera-load\0")));
        assert!(!is_tool(&read(b"sh\0-c\0hemera-load\0")), "another process has its number");
        assert!(!is_tool(&read(b"")));
    }

    #[test]
    fn only_the_process_that_took_the_last_load_is_missed() {
        let tools = Tools::default();
        let vm: Arc<str> = "vm-1".into();
        let mut told = 0;
        tools.take(&vm, Some(7));
        tools.gone(&vm, 6, || told += 1);
        tools.gone(&vm, 7, || told += 1);
        tools.gone(&vm, 7, || told += 1);
        assert_eq!(told, 1);
        tools.take(&vm, Some(9));
        assert_eq!((tools.leave(&vm), tools.of(&vm)), (Some(9), None));
    }
}
