//! The page "tree".

use super::paint::{Paint, piece};
use crate::console::app::App;
use crate::console::theme::Role;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>) {
    paint.panel(app.plan.page, true, &[piece("Tree", Role::Title)], &[]);
}
