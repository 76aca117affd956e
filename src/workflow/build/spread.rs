//! Images to hosts.

use toml::Spanned;

use super::Reader;
use crate::files::FileError;
use crate::fleet::Selection;
use crate::handle::OperationSpec;
use crate::workflow::StepSpans;
use crate::workflow::raw::RawSpread;

impl Reader<'_> {
    pub(super) fn spread(&self, spread: &RawSpread, spans: &mut StepSpans) -> Result<OperationSpec, FileError> {
        if matches!(spread.image.get_ref().as_str(), "" | "none") {
            let message = format!("image: found {:?}, expected a name or path", spread.image.get_ref());
            return self.fail(&spread.image, message);
        }
        spans.image = spread.image.span();
        spans.selections = vec![spread.on.as_ref().map_or_else(|| spans.step.clone(), Spanned::span)];
        Ok(OperationSpec::Spread {
            image: spread.image.get_ref().as_str().into(),
            on: spread.on.as_ref().map_or_else(|| Ok(Selection::all()), |on| self.hosts(on))?,
        })
    }
}
