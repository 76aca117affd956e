use super::*;

fn parse(text: &str) -> Result<Settings, ConfigError> {
    Settings::parse(Path::new("config.toml"), text)
}

#[test]
fn defaults_are_right_and_the_sample_sets_exactly_them() {
    for setting in SETTINGS {
        assert!(setting.kind.read(setting.default.trim_matches('"')).is_ok(), "{}", setting.key);
        assert!(setting.doc.ends_with('.'), "{}", setting.key);
        assert!(setting.variable.starts_with("HEMERA_"), "{}", setting.key);
    }
    let (default, sample) = (Settings::default(), parse(&sample()).unwrap());
    assert_eq!(default.all.len(), SETTINGS.len());
    assert_eq!(sample.all.len(), SETTINGS.len());
    for (wanted, found) in default.all.iter().zip(&sample.all) {
        assert_eq!((&found.key, &found.value), (&wanted.key, &wanted.value));
        assert!(matches!(found.origin, Origin::File { line: 1.., .. }), "{} is missing in the sample", found.key);
    }
    assert!(super::sample().lines().all(|line| line.chars().count() <= 120));
}

#[test]
fn mistakes_name_line_and_nearest() {
    let error = |text| parse(text).unwrap_err().to_string();
    assert_eq!(error("\ntheem = \"dark\""), "config.toml:2: unknown setting `theem`, did you mean `theme`?");
    assert_eq!(error("theme = 3"), "config.toml:1: theme: found integer, expected a theme's name or file");
    assert_eq!(error("ascii = \"yes\""), "config.toml:1: ascii: found string, expected \"auto\", true or false");
    assert_eq!(error("mouse = \"true\""), "config.toml:1: mouse: found string, expected true or false");
    assert!(error("colors = \"tru\"").contains("colors: unknown value `tru`, did you mean `true`?"));
    assert!(error("confirm_above = -1").contains("confirm_above: found `-1`, expected a whole number"));
    assert!(error("speed = 0").contains("speed: found `0`, expected a number from 0.001"));
    assert!(error("locale = \"xx\"").contains("`xx` is no locale"));
    assert_eq!(error("[ssh]\nhosts = \"ssh\""), "config.toml:2: unknown key of [ssh] `hosts`, did you mean `host`?");
    assert!(error("[ssh]\nhost = \"ssh {vm}\"").starts_with("config.toml:2: ssh.host: unknown placeholder `vm`"));
    assert!(error("ssh = 3").contains("found integer, expected a table"));
    assert!(error("[filters]\nhot = \"cpu >\"").starts_with("config.toml:2: filters.hot: "));
    assert!(error("[filters]\n\"a b\" = \"all\"").contains("`a b` is no name in [filters]"));
    assert!(error("[aliases]\nk = \"\"").contains("aliases.k: found an empty text"));
    assert!(error("[aliases]\nk = \"k x\"").contains("aliases.k: stands for itself"));
    // Views of tables are in a file of their own.
    assert!(error("[views]\nx = 3").starts_with("config.toml:1: unknown setting `views`"));
    assert!(error("[theme]\n").contains("theme: found table, expected a theme's name or file"));
}

#[test]
fn free_tables_keep_names_texts_and_lines() {
    let text = "[filters]\nhot = \"cpu > 80 %\"\n[aliases]\nk = \"filter state:failed\"\n";
    let settings = parse(text).unwrap();
    assert_eq!(settings.filters["hot"], "cpu > 80 %");
    assert_eq!(settings.aliases["k"], "filter state:failed");
    let keys: Vec<&str> = settings.all[SETTINGS.len()..].iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, ["aliases.k", "filters.hot"]);
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, "keymap = \"vim\"\ntheme = \"light\"\nmouse = false\n").unwrap();
    let library = Library::new(Some(dir.path().to_owned()));
    let environment = |name: &str| match name {
        "HEMERA_THEME" => Some("mono".to_owned()),
        "HEMERA_KEYMAP" => Some("emacs".to_owned()),
        _ => None,
    };
    let mut overrides = Overrides::from_env(&environment).unwrap();
    overrides.flag(Key::Theme, Some("dark")).unwrap();
    overrides.flag(Key::World, None).unwrap();
    let settings = Settings::read(&library, None, &overrides).unwrap();
    let found = |key| (settings.get(key).value.to_string(), settings.get(key).origin.clone());
    assert_eq!(found(Key::Theme), ("\"dark\"".into(), Origin::Flag("--theme")));
    assert_eq!(found(Key::Keymap), ("\"emacs\"".into(), Origin::Environment("HEMERA_KEYMAP")));
    assert_eq!(found(Key::Mouse), ("false".into(), Origin::File { path, line: 3 }));
    assert_eq!(found(Key::World), ("\"grid5000-2012\"".into(), Origin::Default));
}

#[test]
fn wrong_variables_and_flags_are_named() {
    let told = Overrides::from_env(&|name: &str| (name == "HEMERA_ASCII").then(|| "maybe".into())).unwrap_err();
    assert_eq!(told.to_string(), "HEMERA_ASCII: found `maybe`, expected \"auto\", true or false");
    let told = Overrides::default().flag(Key::Colors, Some("many")).unwrap_err();
    assert!(told.to_string().starts_with("--colors: unknown value `many`"), "{told}");
}

#[test]
fn commands_are_filled() {
    let ssh = Settings::default().template(Key::SshVm).unwrap();
    assert_eq!(ssh.fill(|place| format!("<{}>", place.word())), "ssh root@<vm>");
}
