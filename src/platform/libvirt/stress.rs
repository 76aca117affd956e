//! Loads of guests, set by the load tool inside them.

use std::time::Duration;

use serde_json::Value;

use super::agent;
use super::host::Host;
use crate::fleet::{Bytes, Load};

/// Gives the load tool a command, or starts it with that where it does not run. Its socket is `$1`, the command the rest.
/// Programs that start are what takes time in an emulated guest: there is one of them, and the rest is the shell.
const SET: &str = r#"
command -v hemera-load > /dev/null || { echo "there is no hemera-load in it" >&2; exit 127; }
control=$1; shift
if pidof hemera-load > /dev/null; then exec hemera-load ctl "$control" "$@"; fi
for word in "$@"; do shift; set -- "$@" "--$word"; done
# What a tool left that was killed.
rm -f "$control"
setsid hemera-load --control "$control" "$@" < /dev/null > /dev/null 2> "$control.err" &
while [ ! -S "$control" ]; do
    kill -0 $! 2> /dev/null || { cat "$control.err" >&2; exit 1; }
    sleep 0.1
done
"#;
/// Ends all load; without a load tool that runs there is none.
const STOP: &str = r#"pidof hemera-load > /dev/null || exit 0; exec hemera-load ctl "$1" stop"#;
/// Where the load tool takes its commands.
const CONTROL: &str = "/run/hemera-load";
/// How long a guest may take to carry a command out: under emulation, with all of its CPU in use.
const WITHIN: Duration = Duration::from_secs(50);

/// Sets a VM's load, or ends it. The guest must have an agent and `hemera-load`.
///
/// # Errors
/// Why not, naming the VM.
pub(super) fn stress(host: &Host, vm: &str, load: Option<Load>) -> Result<(), String> {
    let ran = match load {
        None => agent::run(host, vm, STOP, &[CONTROL], WITHIN),
        Some(load) => {
            let wanted = vm.to_owned();
            let asked = host.call(&format!("asking for the memory of {vm}"), move |connect| {
                Ok(Bytes(connect.lookup_domain_by_name(&wanted)?.max_memory()? * 1024))
            });
            let memory = asked.map_err(|trouble| trouble.to_string())?;
            let words = command(&load, memory);
            let mut arguments = vec![CONTROL];
            arguments.extend(words.iter().map(String::as_str));
            agent::run(host, vm, SET, &arguments, WITHIN)
        }
    };
    let ran = ran.map_err(|error| error.to_string())?;
    if ran.code == Some(0) {
        return Ok(());
    }
    let said =
        [&ran.err, &ran.out].into_iter().find_map(|text| text.lines().rev().find(|line| !line.trim().is_empty()));
    let said = said.map(|line| refusal(line).unwrap_or_else(|| line.to_owned()));
    Err(format!("{vm}: {}", said.unwrap_or_else(|| "the load tool ended without a word".into())))
}

/// What the load tool is told. It takes the working set in bytes: a share would be one of what is free in the guest.
fn command(load: &Load, memory: Bytes) -> [String; 3] {
    let working_set = (memory.0 as f64 * load.working_set.0).round() as u64;
    [
        format!("cpu={}%", load.cpu.0 * 100.0),
        format!("dirty={:.0}B/s", load.dirty_rate.0),
        format!("working-set={working_set}B"),
    ]
}

/// The reason in the tool's answer to a command that it did not carry out.
fn refusal(line: &str) -> Option<String> {
    serde_json::from_str::<Value>(line).ok()?["error"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Rate, Share};

    #[test]
    fn the_tool_is_told_shares_rates_and_bytes() {
        let load = Load { cpu: Share(0.6), dirty_rate: Rate(12.5e6), working_set: Share(0.5) };
        assert_eq!(command(&load, Bytes::mib(96)), ["cpu=60%", "dirty=12500000B/s", "working-set=50331648B"]);
    }

    #[test]
    fn the_tools_reason_is_told_without_its_wrapping() {
        assert_eq!(refusal(r#"{"error":"`cpu` is too much"}"#).as_deref(), Some("`cpu` is too much"));
        assert_eq!(refusal("hemera-load: no socket"), None);
    }
}
