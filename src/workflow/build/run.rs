//! Steps that run commands.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::super::StepSpans;
use super::super::raw::RawRun;
use super::{MAX_WAIT, Reader};
use crate::files::FileError;
use crate::fleet::{Script, Span};
use crate::handle::{OperationSpec, RunOn, Which};

/// Where a file is not that was looked for beside the workflow's, where its name does not say it.
pub(super) fn place(name: &str, file: &Path) -> String {
    let elsewhere = file != Path::new(name) && !file.exists();
    if elsewhere { format!(": looked for at {}", file.display()) } else { String::new() }
}

impl Reader<'_> {
    pub(super) fn run(&self, at: &Spanned<RawRun>, spans: &mut StepSpans) -> Result<OperationSpec, FileError> {
        let raw = at.get_ref();
        let on = self.places("run", at, raw.select.as_ref(), raw.hosts.as_ref(), spans)?;
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
        let timeout = self.timeout(raw.timeout.as_ref())?;
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

    /// The VMs or hosts that a step of the kind `word` is about.
    pub(super) fn places<T>(
        &self,
        word: &str,
        at: &Spanned<T>,
        select: Option<&Spanned<String>>,
        hosts: Option<&Spanned<String>>,
        spans: &mut StepSpans,
    ) -> Result<RunOn, FileError> {
        match (select, hosts) {
            (Some(select), None) => {
                spans.selections.push(select.span());
                Ok(RunOn::Vms(Which::Selected(self.vms(select)?)))
            }
            (None, Some(hosts)) => {
                spans.selections.push(hosts.span());
                Ok(RunOn::Hosts(self.hosts(hosts)?))
            }
            (None, None) => self.fail(at, format!("{word}: found no place, expected `select` (VMs) or `hosts`")),
            (Some(_), Some(hosts)) => {
                let message = format!("{word}: found `hosts` beside `select`, expected one: write each in a step");
                self.fail(hosts, message)
            }
        }
    }

    /// How long something may take at each place, where that is said.
    pub(super) fn timeout(&self, timeout: Option<&Spanned<Span>>) -> Result<Option<Duration>, FileError> {
        let least = Duration::from_millis(100);
        timeout.map(|span| self.span(span, least, MAX_WAIT, "timeout")).transpose()
    }

    /// What a script's file holds; its path is seen from the workflow's file.
    fn script(&self, path: &Spanned<String>) -> Result<String, FileError> {
        let name = path.get_ref();
        let file = self.source.beside(name);
        let text = fs::read_to_string(&file)
            .or_else(|error| self.fail(path, format!("script `{name}`: {error}{}", place(name, &file))))?;
        if text.len() > Script::MAX {
            let message =
                format!("script `{name}`: found {} bytes, expected at most {} KiB", text.len(), Script::MAX >> 10);
            return self.fail(path, message);
        }
        Ok(text)
    }
}
