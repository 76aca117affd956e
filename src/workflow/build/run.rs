//! Steps that run commands.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::super::StepSpans;
use super::super::raw::RawRun;
use super::{MAX_WAIT, Reader};
use crate::files::FileError;
use crate::fleet::Script;
use crate::handle::{OperationSpec, RunOn, Which};

impl Reader<'_> {
    pub(super) fn run(&self, at: &Spanned<RawRun>, spans: &mut StepSpans) -> Result<OperationSpec, FileError> {
        let raw = at.get_ref();
        let on = match (&raw.select, &raw.hosts) {
            (Some(select), None) => {
                spans.selections.push(select.span());
                RunOn::Vms(Which::Selected(self.vms(select)?))
            }
            (None, Some(hosts)) => {
                spans.selections.push(hosts.span());
                RunOn::Hosts(self.hosts(hosts)?)
            }
            (None, None) => return self.fail(at, "run: found no place, expected `select` (VMs) or `hosts`"),
            (Some(_), Some(hosts)) => {
                return self.fail(hosts, "run: found `hosts` beside `select`, expected one: write each in a step");
            }
        };
        let (title, text): (&str, String) = match (&raw.command, &raw.script) {
            (Some(command), None) if command.get_ref().trim().is_empty() => {
                return self.fail(command, "command: found nothing, expected what a shell shall run");
            }
            (Some(command), None) => (command.get_ref().trim(), command.get_ref().clone()),
            (None, Some(script)) => (script.get_ref(), self.script(script)?),
            (None, None) => return self.fail(at, "run: found nothing to run, expected `command` or `script`"),
            (Some(_), Some(script)) => {
                return self.fail(script, "run: found `script` beside `command`, expected one of them");
            }
        };
        let least = Duration::from_millis(100);
        let timeout = raw.timeout.as_ref().map(|span| self.span(span, least, MAX_WAIT, "timeout")).transpose()?;
        Ok(OperationSpec::Run {
            on,
            script: Arc::new(Script {
                title: title.into(),
                text: text.into(),
                arguments: raw.args.iter().map(|word| word.as_str().into()).collect(),
                timeout: timeout.unwrap_or(Script::TIMEOUT),
            }),
        })
    }

    /// What a script's file holds; its path is seen from the workflow's file.
    fn script(&self, path: &Spanned<String>) -> Result<String, FileError> {
        let name = path.get_ref();
        let text = fs::read_to_string(self.source.beside(name))
            .or_else(|error| self.fail(path, format!("script `{name}`: {error}")))?;
        if text.len() > Script::MAX {
            let message =
                format!("script `{name}`: found {} bytes, expected at most {} KiB", text.len(), Script::MAX >> 10);
            return self.fail(path, message);
        }
        Ok(text)
    }
}
