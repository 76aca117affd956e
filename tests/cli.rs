//! The command line: what is wrong is told in a line that names it, with exit code 2.

#[path = "support/program.rs"]
mod program;

use program::{file, hemera, output, stderr};
use tempfile::tempdir;

const WORLD: &str = r#"
name = "pair"
platform = "sim"

[[cluster]]
site = "rennes"
name = "paradoxe"
hosts = 2
cores = 8
memory = "16 GiB"
nic = "10 Gbit/s"
disk = "500 MB/s"
"#;

const WORKFLOW: &str = r#"
name = "two"

[vm.small]
vcpus = 1
memory = "1 GiB"
image = "none"

[[step]]
boot = { class = "small", count = 2, name = "vm-{n}" }
"#;

#[test]
fn says_its_version_and_explains_itself() {
    let home = tempdir().unwrap();
    let version = output(home.path(), &["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&version.stdout).trim(), concat!("hemera ", env!("CARGO_PKG_VERSION")));
    let help = output(home.path(), &["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in ["run", "check", "completions", "--world", "--vms", "--read-only", "130"] {
        assert!(help.contains(word), "{word} is missing in\n{help}");
    }
}

#[test]
fn completes_for_every_shell() {
    let home = tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = output(home.path(), &["completions", shell]);
        assert_eq!(script.status.code(), Some(0), "{shell}");
        assert!(String::from_utf8_lossy(&script.stdout).contains("completions"), "{shell}");
    }
}

#[test]
fn those_who_no_longer_listen_stop_nothing() {
    let home = tempdir().unwrap();
    let world = file(home.path(), "pair.toml", WORLD);
    let world = world.to_str().unwrap();
    for arguments in [&["check", world][..], &["check", "nowhere.toml"], &["completions", "bash"], &["lab", "status"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut heard = hemera(home.path());
        heard.args(arguments);
        let code = heard.output().unwrap().status.code();
        let mut unheard = hemera(home.path());
        unheard.args(arguments).stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_eq!(unheard.status().unwrap().code(), code, "{arguments:?}");
        assert!(code.is_some_and(|code| code < 100), "{arguments:?}: {code:?}");
    }
}

#[test]
fn wrong_flags_are_named() {
    let home = tempdir().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--speed", "fast"], "how many times as fast as real time"),
        (&["run", "workflows/first-boot.toml"], "--out"),
        (&["run", "--out", "x"], "WORKFLOW"),
        (&["check"], "FILE"),
    ];
    for (args, expected) in cases {
        let run = output(home.path(), args);
        assert_eq!(run.status.code(), Some(2), "{args:?}");
        assert!(stderr(&run).contains(expected), "{args:?}: {}", stderr(&run));
    }
}

#[test]
fn the_console_asks_for_a_terminal() {
    let home = tempdir().unwrap();
    let run = output(home.path(), &[]);
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).starts_with("error: the console needs a terminal"), "{}", stderr(&run));
}

#[test]
fn check_tells_sorts_apart_and_every_error_of_every_file() {
    let home = tempdir().unwrap();
    let dir = home.path();
    let world = file(dir, "a.toml", WORLD);
    let workflow = file(dir, "b.toml", WORKFLOW);
    let right = hemera(dir).arg("check").args([&world, &workflow]).output().unwrap();
    assert_eq!(right.status.code(), Some(0), "{}", stderr(&right));
    let told = String::from_utf8_lossy(&right.stdout).into_owned();
    assert!(told.contains("a.toml: world, ok") && told.contains("b.toml: workflow, ok"), "{told}");

    let typo = file(dir, "c.toml", &WORLD.replace("cores", "coress"));
    let broken = file(dir, "d.toml", "name = ");
    let other = file(dir, "e.toml", "colour = 1\n");
    let missing = dir.join("missing.toml");
    let wrong = hemera(dir).arg("check").args([&typo, &world, &broken, &other, &missing]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let told = stderr(&wrong);
    assert_eq!(told.lines().filter(|line| line.starts_with("error: ")).count(), 4, "{told}");
    for expected in ["c.toml:9:1: ", "did you mean `cores`", "d.toml:1:", "e.toml: is no world", "missing.toml: "] {
        assert!(told.contains(expected), "{expected} is missing in\n{told}");
    }
    assert!(!told.contains("a.toml"), "{told}");
}

#[test]
fn check_holds_a_workflow_against_a_world() {
    let home = tempdir().unwrap();
    let world = file(home.path(), "a.toml", WORLD);
    let text = WORKFLOW.replace("name = \"vm-{n}\"", "name = \"vm-{n}\", on = \"site:nantes\"");
    let workflow = file(home.path(), "b.toml", &text);
    let alone = hemera(home.path()).arg("check").arg(&workflow).output().unwrap();
    assert_eq!(alone.status.code(), Some(0), "{}", stderr(&alone));
    let held = hemera(home.path()).arg("check").arg(&workflow).arg("--world").arg(&world).output().unwrap();
    assert_eq!(held.status.code(), Some(2));
    assert!(stderr(&held).contains("nantes"), "{}", stderr(&held));
}

#[test]
fn every_file_that_comes_with_the_program_is_right() {
    let home = tempdir().unwrap();
    let mut files = Vec::new();
    for dir in ["worlds", "workflows", "themes", "keymaps", "demos"] {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        files.extend(std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.push(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.toml"));
    assert!(files.len() >= 18, "{files:?}");
    let check = hemera(home.path()).arg("check").args(&files).output().unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));
}

#[test]
fn check_knows_demos_saved_views_and_saved_filters() {
    let home = tempdir().unwrap();
    let dir = home.path();
    let demo =
        |wait: &str| format!("name = \"x\"\nworld = \"small\"\nend = \"Bye.\"\n[[step]]\ncaption = \"Go.\"\n{wait}\n");
    let view = "[[view]]\nname = \"bad\"\ntable = \"vms\"\nfilter = \"@ill\"\n";
    let files = [
        file(dir, "x.toml", &demo("keys = \"b <esc>\"")),
        file(dir, "views.toml", view),
        file(dir, "filters.toml", "ill = \"state:failed\"\ncluster = \"vms > 3\"\nboth = \"@ill or finding:none\"\n"),
    ];
    let right = hemera(dir).arg("check").args(&files).output().unwrap();
    assert_eq!(right.status.code(), Some(0), "{}", stderr(&right));
    let told = String::from_utf8_lossy(&right.stdout).into_owned();
    for expected in ["x.toml: demo, ok", "views.toml: saved views, ok", "filters.toml: saved filters, ok"] {
        assert!(told.contains(expected), "{told}");
    }
    let files = [
        file(dir, "x.toml", &demo("keys = \"<escape-room>\"")),
        file(dir, "views.toml", &view.replace("@ill", "state:")),
        file(dir, "filters.toml", "ill = \"state:failed\"\nworse = \"@il\"\n"),
    ];
    let wrong = hemera(dir).arg("check").args(&files).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let told = stderr(&wrong);
    for expected in ["x.toml:6: ", "views.toml:4: this filter cannot be read", "filters.toml:2: worse: ", "`@ill`"] {
        assert!(told.contains(expected), "{expected} is missing in\n{told}");
    }
}

#[test]
fn the_generated_documentation_is_what_the_code_says() {
    let home = tempdir().unwrap();
    let made = hemera(home.path()).arg("docs").arg(home.path()).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for name in ["actions.md", "keys.md", "themes.md", "settings.md", "config.toml"] {
        let wanted = std::fs::read_to_string(home.path().join(name)).unwrap();
        let found = std::fs::read_to_string(docs.join(name)).unwrap_or_default();
        assert!(found == wanted, "docs/{name} lags behind the code: run `cargo run -- docs`");
    }
}

#[test]
fn a_run_with_bad_input_names_all_of_it_and_writes_nothing() {
    let home = tempdir().unwrap();
    let out = home.path().join("out");
    let run = hemera(home.path())
        .args(["run", "no-such.toml", "--world", "grid5000-2013", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains("no-such.toml") && stderr(&run).contains("grid5000-2012"), "{}", stderr(&run));
    assert!(!out.exists());
}

#[test]
fn a_run_never_writes_into_somebody_elses_directory() {
    let home = tempdir().unwrap();
    let world = file(home.path(), "a.toml", WORLD);
    let workflow = file(home.path(), "b.toml", WORKFLOW);
    let out = home.path().join("out");
    std::fs::create_dir(&out).unwrap();
    file(&out, "thesis.tex", "years of work");
    let run = hemera(home.path())
        .arg("run")
        .arg(&workflow)
        .arg("--world")
        .arg(&world)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains("thesis.tex"), "{}", stderr(&run));
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1);
}

#[cfg(not(feature = "libvirt"))]
#[test]
fn real_hosts_without_libvirt_say_how_to_build_it() {
    let home = tempdir().unwrap();
    let world = file(
        home.path(),
        "real.toml",
        r#"
name = "real"
platform = "libvirt"

[[cluster]]
site = "lab"
name = "h"
hosts = [{ name = "h1", uri = "qemu+ssh://root@h1/system" }]
"#,
    );
    let workflow = file(home.path(), "b.toml", &WORKFLOW.replace("\"none\"", "\"/images/debian.qcow2\""));
    let out = home.path().join("out");
    let run = hemera(home.path())
        .arg("run")
        .arg(&workflow)
        .arg("--world")
        .arg(&world)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
    assert!(stderr(&run).contains("--features libvirt"), "{}", stderr(&run));
    assert!(!out.exists());
}

#[test]
fn every_example_of_the_readme_is_right() {
    let home = tempdir().unwrap();
    let readme = include_str!("../README.md");
    let mut files = Vec::new();
    for (i, block) in readme.split("```toml\n").skip(1).enumerate() {
        let (toml, _) = block.split_once("```").expect("a block ends");
        files.push(file(home.path(), &format!("{i}.toml"), toml));
    }
    assert!(files.len() >= 3);
    file(home.path(), "prepare.sh", "true\n");
    file(home.path(), "input.dat", "1 2 3\n");
    let check = hemera(home.path()).arg("check").args(&files).output().unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));
}

#[test]
fn mistakes_in_themes_and_keymaps_are_told_with_their_line() {
    let home = tempdir().unwrap();
    let theme = file(home.path(), "theme.toml", "name = \"mine\"\n\n[style]\ntexxt = \"bold\"\n");
    let keymap = file(home.path(), "keymap.toml", "[everywhere]\n\"ctrl-x\" = \"no-such-action\"\n");
    let check = hemera(home.path()).arg("check").args([&theme, &keymap]).output().unwrap();
    assert_eq!(check.status.code(), Some(2));
    let told = stderr(&check);
    assert!(told.contains("theme.toml:4:") && told.contains("texxt"), "{told}");
    assert!(told.contains("keymap.toml:2:") && told.contains("no-such-action"), "{told}");
}
