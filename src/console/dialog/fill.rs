//! Filling in a dialog from the command line. What it says is confirmed as if it had been typed.

use tui_input::Input;

use super::{Dialog, Value};

impl Dialog {
    /// Fills in fields by their place: a text, or the place of the option that is chosen.
    pub(crate) fn fill(&mut self, fields: &[(usize, String)]) {
        for (place, said) in fields {
            match self.fields.get_mut(*place).map(|field| &mut field.value) {
                Some(Value::Text(input)) => *input = Input::new(said.clone()),
                Some(Value::Choice { options, at }) => {
                    *at = said.parse().ok().filter(|place| *place < options.len()).unwrap_or(*at);
                }
                None => {}
            }
        }
    }
}
