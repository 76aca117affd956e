//! Hosts switched on and off.

use super::Reader;
use crate::files::{FileError, suggestion};
use crate::fleet::PowerAction;
use crate::handle::OperationSpec;
use crate::workflow::StepSpans;
use crate::workflow::raw::RawPower;

impl Reader<'_> {
    pub(super) fn power(&self, power: &RawPower, spans: &mut StepSpans) -> Result<OperationSpec, FileError> {
        spans.selections = vec![power.hosts.span()];
        let word = power.action.get_ref();
        let Some(action) = PowerAction::ALL.into_iter().find(|action| action.word() == word) else {
            let hint = suggestion(word, PowerAction::ALL.into_iter().map(PowerAction::word));
            return self.fail(&power.action, format!("unknown action `{word}`{hint}"));
        };
        Ok(OperationSpec::Power { on: self.hosts(&power.hosts)?, action })
    }
}
