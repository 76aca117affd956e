use std::sync::Arc;

use ratatui::layout::Size;

use super::*;
use crate::console::habits::Habits;
use crate::handle::{Snapshot, pair};

fn app(options: &Options) -> App {
    let (handle, _service) = pair(Arc::new(Snapshot::default()));
    App::new(handle, Look::new(options).unwrap(), Habits::default(), Size::new(80, 24)).unwrap()
}

fn shown(app: &App) -> (&str, String, &Origin) {
    let effective = app.look.settings.get(Key::Theme);
    (&app.look.theme.name, effective.value.to_string(), &effective.origin)
}

#[test]
fn a_preview_leaves_nothing_behind_unless_it_is_kept() {
    let mut app = app(&Options::default());
    assert!(app.preview_theme("light") && app.preview_theme("mono"));
    assert_eq!(app.look.theme.name, "mono");
    assert!(!app.preview_theme("no-such-theme"));
    assert_eq!(app.look.theme.name, "mono");
    app.end_preview(false);
    assert_eq!(shown(&app), ("dark", "\"auto\"".into(), &Origin::Default));
    assert!(app.preview_theme("light"));
    app.end_preview(true);
    app.end_preview(false);
    assert_eq!(shown(&app), ("light", "\"light\"".into(), &Origin::Console));
}

#[test]
fn themes_and_keymaps_come_round() {
    let mut app = app(&Options::default());
    let (themes, keymaps) = (app.look.themes(), app.look.keymaps());
    for name in themes.iter().cycle().skip(1).take(themes.len()) {
        app.next_theme();
        assert_eq!(app.look.theme.name, *name);
    }
    for name in keymaps.iter().cycle().skip(1).take(keymaps.len()) {
        app.next_keymap();
        assert_eq!(app.look.keymap.name, *name);
    }
    app.set_keymap("vimm");
    assert!(app.note.as_ref().is_some_and(|(tone, text)| *tone == Tone::Bad && text.contains("did you mean `vim`")));
    assert_eq!(app.look.keymap.name, "default");
}

#[test]
fn auto_follows_what_the_terminal_has_and_says_so() {
    let theme = |color, background| {
        let options = Options { theme: "auto".into(), color, background, ..Options::default() };
        app(&options).look.settings.get(Key::Theme).means.clone().unwrap()
    };
    assert_eq!(theme(ColorLevel::True, None), "dark");
    assert_eq!(theme(ColorLevel::Ansi256, Some(Background::Light)), "light");
    assert_eq!(theme(ColorLevel::Ansi16, Some(Background::Light)), "ansi16");
    assert_eq!(theme(ColorLevel::None, None), "mono");
}

#[test]
fn the_terminals_answer_counts_only_where_nobody_chose_a_theme() {
    let auto = Options { theme: "auto".into(), ..Options::default() };
    let mut waiting = app(&auto);
    waiting.see_background(Background::Light);
    assert_eq!(waiting.look.theme.name, "light");
    let mut chosen = app(&auto);
    chosen.set_theme("okabe-ito");
    chosen.see_background(Background::Light);
    assert_eq!(chosen.look.theme.name, "okabe-ito");
}
