//! Commands in guests, run by the QEMU guest agent.

use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::host::Host;
use super::trouble::Trouble;

/// How long an agent may take to answer a question, in seconds. Only what it starts takes longer.
const ANSWER: i32 = 5;
/// Between two looks at whether a command has ended: doubled from the first to the last.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Why a command in a guest did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    /// libvirt or the agent refused.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The agent's answer is none.
    #[error("the agent of {vm} answered {answer:?}, expected {expected}")]
    Answer {
        /// Whose agent.
        vm: String,
        /// What it said.
        answer: String,
        /// What it should have.
        expected: &'static str,
    },
    /// It did not end in time; it runs on in the guest.
    #[error("a command in {vm} did not end within {} s", within.as_secs())]
    Late {
        /// In which guest.
        vm: String,
        /// How long was waited.
        within: Duration,
    },
}

/// How a command in a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ran {
    /// Its exit code; none where a signal ended it.
    pub(super) code: Option<i64>,
    /// What it wrote to standard output.
    pub(super) out: String,
    /// What it wrote to standard error.
    pub(super) err: String,
}

/// Runs a script with these arguments by the guest's `/bin/sh` and waits until it has ended. Blocks.
///
/// # Errors
/// Where the guest has no agent, the agent refuses, or the script takes longer than `within`.
pub(super) fn run(
    host: &Host,
    vm: &str,
    script: &str,
    arguments: &[&str],
    within: Duration,
) -> Result<Ran, AgentError> {
    let mut words = vec!["-c", script, "sh"];
    words.extend(arguments);
    let started = ask(host, vm, "guest-exec", &json!({ "path": "/bin/sh", "arg": words, "capture-output": true }))?;
    let unexpected =
        |answer: &Value, expected| AgentError::Answer { vm: vm.into(), answer: answer.to_string(), expected };
    let pid = started["pid"].as_i64().ok_or_else(|| unexpected(&started, "the id of a process"))?;
    let began = Instant::now();
    let mut pause = LOOKS.0;
    loop {
        let status = ask(host, vm, "guest-exec-status", &json!({ "pid": pid }))?;
        if status["exited"].as_bool().ok_or_else(|| unexpected(&status, "whether a process has ended"))? {
            let text = |name: &str| {
                let bytes = status[name].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            return Ok(Ran { code: status["exitcode"].as_i64(), out: text("out-data"), err: text("err-data") });
        }
        if began.elapsed() >= within {
            return Err(AgentError::Late { vm: vm.into(), within });
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LOOKS.1);
    }
}

/// Asks a guest's agent one question; what it returns.
pub(super) fn ask(host: &Host, vm: &str, execute: &str, arguments: &Value) -> Result<Value, AgentError> {
    let question = json!({ "execute": execute, "arguments": arguments }).to_string();
    let wanted = vm.to_owned();
    let answer = host.call(&format!("asking the guest agent of {vm}"), move |connect| {
        connect.lookup_domain_by_name(&wanted)?.qemu_agent_command(&question, ANSWER, 0)
    })?;
    let read: Option<Value> = serde_json::from_str(&answer).ok();
    read.and_then(|mut read| read.get_mut("return").map(Value::take)).ok_or_else(|| AgentError::Answer {
        vm: vm.into(),
        answer,
        expected: "an object with `return`",
    })
}
