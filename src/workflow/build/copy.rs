//! Steps that copy files.

use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::Reader;
use super::run::place;
use crate::files::{Content, FileError};
use crate::fleet::{Bytes, FileCopy, Way};
use crate::handle::{OperationSpec, RunOn};
use crate::workflow::StepSpans;
use crate::workflow::raw::{RawCopyIn, RawCopyOut};

impl Reader<'_> {
    pub(super) fn copy_in(&self, at: &Spanned<RawCopyIn>, spans: &mut StepSpans) -> Result<OperationSpec, FileError> {
        let raw = at.get_ref();
        let on = self.places("copy-in", at, raw.select.as_ref(), raw.hosts.as_ref(), spans)?;
        let to = self.path_there(&raw.to, "to")?;
        let name = raw.from.get_ref();
        let file = self.source.beside(name);
        let most = matches!(on, RunOn::Vms(_)).then_some(FileCopy::GUEST_MAX.0);
        let read = Content::of(&file, most);
        let content = read.map_err(|why| {
            self.source.error(&raw.from.span(), format!("from `{name}`: {why}{}", place(name, &file)))
        })?;
        let mode = raw.mode.as_ref().map(|mode| self.mode(mode)).transpose()?;
        let (mode, sum) = (mode.unwrap_or(content.mode), content.sum.into());
        let way = Way::In { file, name: name.as_str().into(), size: Bytes(content.size), sum, to, mode };
        let timeout = self.timeout(raw.timeout.as_ref())?.unwrap_or(FileCopy::TIMEOUT);
        Ok(OperationSpec::Copy { on, copy: Arc::new(FileCopy { way, timeout }) })
    }

    /// `index` is the step's, by which what comes back from it is told from what comes back from others.
    pub(super) fn copy_out(
        &self,
        at: &Spanned<RawCopyOut>,
        index: usize,
        spans: &mut StepSpans,
    ) -> Result<OperationSpec, FileError> {
        let raw = at.get_ref();
        let on = self.places("copy-out", at, raw.select.as_ref(), raw.hosts.as_ref(), spans)?;
        let way = Way::Out { from: self.path_there(&raw.from, "from")?, to: PathBuf::from(index.to_string()) };
        let timeout = self.timeout(raw.timeout.as_ref())?.unwrap_or(FileCopy::TIMEOUT);
        Ok(OperationSpec::Copy { on, copy: Arc::new(FileCopy { way, timeout }) })
    }

    /// A file's place in a guest or on a host.
    fn path_there(&self, path: &Spanned<String>, key: &str) -> Result<Arc<str>, FileError> {
        FileCopy::path_there(path.get_ref()).or_else(|why| self.fail(path, format!("{key}: {why}")))
    }

    /// Permissions as `chmod` takes them.
    fn mode(&self, mode: &Spanned<String>) -> Result<u32, FileError> {
        FileCopy::mode(mode.get_ref()).or_else(|why| self.fail(mode, format!("mode: {why}")))
    }
}
