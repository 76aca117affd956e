//! Steps that copy files.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use toml::Spanned;

use super::Reader;
use crate::files::FileError;
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
        let failed = |error: io::Error| self.source.error(&raw.from.span(), format!("from `{name}`: {error}"));
        let found = fs::metadata(&file).map_err(failed)?;
        if !found.is_file() {
            return self.fail(&raw.from, format!("from `{name}`: found no file, expected one; pack directories first"));
        }
        let size = Bytes(found.len());
        if size > FileCopy::GUEST_MAX && matches!(on, RunOn::Vms(_)) {
            let most = FileCopy::GUEST_MAX;
            let message =
                format!("from `{name}`: found more than {most}, the most that goes into guests (hosts take any)");
            return self.fail(&raw.from, message);
        }
        let mode = raw.mode.as_ref().map(|mode| self.mode(mode)).transpose()?;
        let mode = mode.unwrap_or(found.permissions().mode() & 0o777);
        let sum = sha256(&file).map_err(failed)?.into();
        let way = Way::In { file, name: name.as_str().into(), size, sum, to, mode };
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
        let text = path.get_ref();
        let last = text.rsplit('/').next().unwrap_or_default();
        if !text.starts_with('/') || matches!(last, "" | "." | "..") || text.contains('\0') {
            let message = format!("{key}: found {text:?}, expected a file's whole path there, as in \"/root/data\"");
            return self.fail(path, message);
        }
        Ok(text.as_str().into())
    }

    /// Permissions as `chmod` takes them.
    fn mode(&self, mode: &Spanned<String>) -> Result<u32, FileError> {
        let text = mode.get_ref();
        match u32::from_str_radix(text, 8) {
            Ok(mode) if mode <= 0o7777 && !text.starts_with('+') => Ok(mode),
            _ => self.fail(mode, format!("mode: found {text:?}, expected permissions in octal, as in \"755\"")),
        }
    }
}

/// The SHA-256 of a file's content, in hexadecimal.
fn sha256(file: &Path) -> io::Result<String> {
    let mut sum = Sha256::new();
    io::copy(&mut File::open(file)?, &mut sum)?;
    Ok(format!("{:x}", sum.finalize()))
}
