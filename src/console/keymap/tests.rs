use super::*;

fn load(name: &str) -> Keymap {
    Keymap::load(&Library::default(), name).unwrap()
}

fn parse(text: &str) -> Result<Keymap, ConfigError> {
    Keymap::parse(&Library::default(), "my.toml", text)
}

#[test]
fn built_in_keymaps_are_sound_and_reach_every_action() {
    for name in Keymap::names() {
        let keymap = load(name);
        assert_eq!(keymap.name, name);
        for action in action::all().filter(|a| a.keyed) {
            assert!(!keymap.keys_of(action.id).is_empty(), "{name}: no key for {}", action.id);
        }
    }
}

#[test]
fn in_built_in_keymaps_no_sequence_begins_another_one() {
    for name in Keymap::names() {
        let keymap = load(name);
        for (context, keys, _) in &keymap.shown {
            for (other_context, other, _) in &keymap.shown {
                let together = context == other_context || *other_context == Context::Everywhere;
                let (keys, other) = (sequence_of(keys), sequence_of(other));
                let begins = keys.len() != other.len() && (keys.starts_with(&other) || other.starts_with(&keys));
                assert!(!together || !begins, "{name}: {keys:?} in {context:?} and {other:?}");
            }
        }
    }
}

#[test]
fn mistakes_name_line_and_nearest() {
    let error = |text| parse(text).unwrap_err().to_string();
    assert_eq!(error("[everywhere]\nq = \"quti\""), "my.toml:2: unknown action `quti`, did you mean `quit`?");
    assert!(error("[everywhere]\nctrl-foo = \"quit\"").starts_with("my.toml:2: `ctrl-foo` is not a key"));
    assert!(error("[evrywhere]\n").contains("did you mean `everywhere`?"));
    assert!(error("inherit = \"emcas\"\n").starts_with("my.toml:1: unknown keymap `emcas`, did you mean `emacs`?"));
    assert!(error("[vms]\nq = 3\n").starts_with("my.toml:2: found integer, expected a text"));
    assert!(error("vms = 3\n").starts_with("my.toml:1: found integer, expected a table"));
    assert_eq!(
        error("[vms]\ng = \"top\"\n\"g g\" = \"top\"\n"),
        "my.toml:3: `g g` and `g` cannot both have a meaning: one begins the other"
    );
    assert_eq!(
        error("[vms]\nG = \"top\"\nshift-g = \"top\"\n"),
        "my.toml:3: `shift-g` and `G` cannot both have a meaning: one begins the other"
    );
}

#[test]
fn a_keymap_inherits_key_by_key() {
    let keymap = parse("inherit = \"default\"\n[everywhere]\nq = \"\"\nctrl-y = \"quit\"").unwrap();
    assert!(!keymap.keys_of("quit").contains(&"q".to_owned()));
    assert!(keymap.keys_of("quit").contains(&"ctrl-y".to_owned()));
    assert!(!keymap.keys_of("help").is_empty());
}

#[test]
fn keys_run_actions_with_words() {
    let keymap = parse("[vms]\nctrl-1 = \"filter state:failed\"").unwrap();
    let key = [Key::parse("ctrl-1").unwrap()];
    let Meaning::Say(action, words) = keymap.meaning(Context::Vms, &key) else { panic!("not said") };
    assert_eq!((action.id, &*words), ("filter", "state:failed"));
    assert!(keymap.keys_of("filter").is_empty());
    let error = |text| parse(text).unwrap_err().to_string();
    assert_eq!(error("[vms]\nx = \"quit now\""), "my.toml:2: `quit` takes nothing after its name");
}

#[test]
fn what_is_inherited_makes_room_for_sequences() {
    let keymap = parse("inherit = \"vim\"\n[everywhere]\ng = \"top\"").unwrap();
    let g = [Key::parse("g").unwrap()];
    assert!(matches!(keymap.meaning(Context::Vms, &g), Meaning::Run(action) if action.id == "top"));
    assert!(!keymap.keys_of("sites").contains(&"gs".to_owned()));
}

#[test]
fn a_panel_may_begin_a_sequence_with_a_key_that_has_a_meaning_everywhere() {
    let keymap = parse("[everywhere]\nx = \"quit\"\n[hosts]\n\"x e\" = \"evacuate\"").unwrap();
    let x = [Key::parse("x").unwrap()];
    assert!(matches!(keymap.meaning(Context::Hosts, &x), Meaning::Begins));
    assert!(matches!(keymap.meaning(Context::Vms, &x), Meaning::Run(action) if action.id == "quit"));
}

#[test]
fn a_capital_is_the_same_however_the_terminal_reports_it() {
    let plain = Key::from(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::NONE));
    assert_eq!(plain, Key::from(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)));
    assert_eq!(plain, Key::from(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::SHIFT)));
    assert_eq!(plain, Key::parse("G").unwrap());
    assert_eq!(plain, Key::parse("shift-g").unwrap());
}
