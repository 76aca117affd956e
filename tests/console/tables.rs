//! The tables: columns, saved views, the host table, files for programs, the mouse.

use std::path::Path;

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use hemera::console::Library;

use crate::driver::{Console, Setup};
use crate::{busy, dump, fake};

/// A console whose files are in that folder.
fn at_home(setup: Setup, dir: &Path) -> Console {
    let library = Library::new(Some(dir.to_owned()));
    let console = setup.options(|o| o.library = library).start();
    console.shows("VMs");
    console
}

/// Column and line of the first place where the screen says `text`.
fn place(console: &Console, text: &str) -> (u16, u16) {
    console.drawn().shows(text);
    let screen = console.text();
    let found = screen.lines().enumerate().find_map(|(y, line)| {
        let at = line.find(text)?;
        Some((line[..at].chars().count() as u16, y as u16))
    });
    found.unwrap()
}

fn mouse(console: &Console, kind: MouseEventKind, (column, row): (u16, u16), modifiers: KeyModifiers) {
    console.event(Event::Mouse(MouseEvent { kind, column, row, modifiers }));
}

fn click(console: &Console, text: &str) {
    mouse(console, MouseEventKind::Down(MouseButton::Left), place(console, text), KeyModifiers::NONE);
}

/// The words in a column of the screen, below its title.
fn column(console: &Console, title: &str, rows: usize) -> Vec<String> {
    let (x, y) = place(console, title);
    let screen = console.text();
    let word = |line: &str| line.chars().skip(usize::from(x)).take_while(|c| !c.is_whitespace()).collect();
    screen.lines().skip(usize::from(y) + 1).take(rows).map(word).collect()
}

#[test]
fn host_table_looks() {
    for (width, height) in [(40, 10), (80, 24), (120, 36), (200, 50)] {
        let console = busy(width, height).start();
        console.shows("VMs").keys("5").shows("Hosts · by place").shows("paradent-1 ");
        dump(&console, &format!("hosts_{width}x{height}"));
        insta::assert_snapshot!(format!("hosts_{width}x{height}"), console.text());
        console.end();
    }
}

#[test]
fn the_widest_and_the_narrowest_screens_show_what_they_can() {
    let wide = busy(400, 120).start();
    wide.shows_all(&["VMs", "class", "note", "non-converging"]);
    dump(&wide, "wide_400x120");
    wide.keys("5").shows_all(&["demand", "since", "note", "paradent-64"]);
    dump(&wide, "wide_hosts_400x120");
    wide.end();
    let narrow = busy(40, 10).start();
    narrow.shows_all(&["name", "state", "vm-1 "]);
    narrow.keys("5 C").shows("Columns of hosts").keys("Esc").hides("Columns of");
    narrow.keys("/ \"suno-4\"").shows("7 of 504").keys("Enter Esc").shows("504 hosts");
    dump(&narrow, "narrow_hosts_40x10");
    narrow.end();
}

#[test]
fn hosts_are_sorted_filtered_marked_and_opened() {
    let console = busy(120, 36).start();
    console.shows("VMs").keys("5").shows("504 hosts");
    console.keys("o n").shows("by name ↑").shows("graphene-1 ");
    assert_eq!(column(&console, "name   ", 3), ["graphene-1", "graphene-2", "graphene-3"]);
    console.keys("O").shows("by name ↓").shows("suno-45");
    // A dirty rate is nothing that hosts have.
    console.keys("o d").shows("hosts have no such column");
    console.keys("/ \"SUNO_state:ready\" Enter").shows("45 of 504 hosts");
    console.keys("Space Space").shows("2 selected");
    console.keys("/ ctrl-u \"cluster:stremi\" Enter").shows("2 selected, 2 hidden by the filter");
    console.keys("/ ctrl-u \"dirty>3\"").shows("expected").keys("Esc");
    console.keys("Esc").shows("─ 504 hosts").keys("f").shows("of 504 hosts").keys("Esc").shows("─ 504 hosts");
    console.keys("Home Enter").hides("504 hosts");
    console.end();
}

#[test]
fn columns_are_chosen_with_the_table_behind() {
    for (width, height) in [(40, 10), (80, 24), (120, 36)] {
        let console = busy(width, height).start();
        console.shows("VMs").keys("3 C").shows("Columns of VMs");
        dump(&console, &format!("columns_{width}x{height}"));
        insta::assert_snapshot!(format!("columns_{width}x{height}"), console.text());
        console.end();
    }
    let console = busy(120, 36).start();
    console.shows("by age of the VM").keys("z C").shows("Columns of VMs");
    // The host before the name, wider; no state.
    console.keys("Down Space Down < < + + + Enter").hides("Columns of VMs");
    let titles =
        |console: &Console| console.text().lines().find(|l| l.contains(" host ")).unwrap_or_default().to_owned();
    let line = titles(&console);
    assert!(!line.contains("state") && line.find("host") < line.find("name"), "{line}");
    // What is given up is as it was.
    console.keys("C Space").shows("Columns of VMs").keys("Esc").hides("Columns of VMs");
    assert_eq!(titles(&console), line);
    console.end();
}

#[test]
fn views_are_saved_shown_again_and_deleted() {
    let home = tempfile::tempdir().unwrap();
    let console = at_home(busy(120, 36), home.path());
    console.keys("W").shows("None is saved yet.").keys("Esc");
    console.keys("5").shows("504 hosts").keys("o c / \"suno\" Enter").shows("45 of 504 hosts");
    console.keys("C Down Space Enter ctrl-s").shows("Save the view of hosts").keys("\"hot_ones\" Enter Enter");
    console.shows("view hot ones of hosts saved");
    console.keys("0").shows("Operations").keys("3 o m ctrl-s").shows("Save the view of VMs");
    console.keys("\"default\" Enter Enter").shows("view default of VMs saved");
    console.end();
    insta::assert_snapshot!("views_file", std::fs::read_to_string(home.path().join("views.toml")).unwrap());

    // Another day: the default holds from the start, the other one is chosen.
    let console = at_home(busy(120, 36), home.path());
    console.shows("by mem ↓").shows("vm-10240 ").keys("W").shows("hot ones");
    dump(&console, "views_120x36");
    insta::assert_snapshot!("views_120x36", console.text());
    console.keys("Enter").shows("45 of 504 hosts").shows("by cpu ↓");
    let titles = console.text().lines().find(|l| l.contains("demand")).unwrap().to_owned();
    assert!(!titles.contains(" site"), "{titles}");
    console.keys("W").shows("Saved views").keys("d").shows("Delete view hot ones of hosts");
    console.keys("Tab Enter").shows("view hot ones of hosts deleted");
    assert!(!std::fs::read_to_string(home.path().join("views.toml")).unwrap().contains("hot ones"));
    console.end();
}

#[test]
fn a_broken_file_of_views_is_said_and_stays_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let broken = "[[view]]\nname = \"a\"\ntable = \"vms\"\ncolumns = [\"nmae\"]\n";
    std::fs::write(home.path().join("views.toml"), broken).unwrap();
    let console = at_home(busy(120, 36), home.path());
    console.shows("views.toml:4: unknown column `nmae`, did you mean `name`?");
    console.keys("ctrl-s").shows("Save the view").keys("\"b\" Enter Enter").shows("view b is not saved");
    assert_eq!(std::fs::read_to_string(home.path().join("views.toml")).unwrap(), broken);
    console.end();
    // A home where nothing can be written: something else is in the way.
    let home = tempfile::tempdir().unwrap();
    let nowhere = home.path().join("file");
    std::fs::write(&nowhere, "").unwrap();
    let console = at_home(busy(160, 36), &nowhere.join("hemera"));
    console.keys("Esc ctrl-s").shows("Save the view").keys("\"b\" Enter Enter").shows("cannot be");
    console.end();
}

/// Writes what is shown to a file and reads it back.
fn exported(console: &Console, file: &Path, keys: &str, rows: &str) -> String {
    console.keys(keys).shows("All rows that the filter").keys("ctrl-u");
    console.event(Event::Paste(file.display().to_string()));
    console.keys("Enter Enter").shows(&format!("{rows} in /"));
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_file_holds_what_the_table_shows() {
    let home = tempfile::tempdir().unwrap();
    let console = busy(160, 36).options(|o| o.read_only = true).start();
    console.shows("VMs").keys("3 z o c / \"state:up_site:sophia\" Enter").shows("by cpu ↓").shows("sophia");
    console.shows("of 10 240 VMs");
    let file = home.path().join("vms.csv");
    let text = exported(&console, &file, "X", "rows");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().take(6).collect::<Vec<_>>(),
        ["name", "state", "host", "site", "cpu_percent", "memory_bytes"]
    );
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(records.iter().all(|r| &r[1] == "up" && &r[3] == "sophia" && &r[5] == "1073741824"));
    let cpu: Vec<f64> = records.iter().map(|r| r[4].parse().unwrap()).collect();
    assert!(cpu.is_sorted_by(|a, b| a >= b));
    let names: Vec<String> = records.iter().take(20).map(|r| r[0].to_owned()).collect();
    assert_eq!(names, column(&console, "name   ", 20));
    let shown = console.text();
    let count = format!(
        "{} of 10 240 VMs",
        if records.len() > 999 {
            format!("{} {:03}", records.len() / 1000, records.len() % 1000)
        } else {
            records.len().to_string()
        }
    );
    assert!(shown.contains(&count), "{count}");

    // The same name again: asked, given up, asked again.
    console.keys("X").shows(" as CSV").keys("ctrl-u");
    console.event(Event::Paste(file.display().to_string()));
    console.keys("Enter Enter").shows("Write over a file").keys("Esc").hides("Write over a file");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    console.end();
}

#[test]
fn the_command_line_chooses_columns_views_and_files() {
    let home = tempfile::tempdir().unwrap();
    let console = at_home(busy(160, 36), home.path());
    console.keys(": \"columns_stat\"").shows("Where it is in its life").keys("Esc");
    console.keys(": \"columns_name_stat_cpu\" Enter").shows("there is no column `stat`, perhaps `state`");
    console.keys("ctrl-u \"columns_name_name\" Enter").shows("`name` stands there already");
    console.keys("ctrl-u \"columns_cpu_name_state\" Enter").hides("columns_cpu").hides("dirty");
    console.keys("/ \"state:failed\" Enter").shows("29 of 10 240 VMs");
    console.keys(": \"save-view_bad\" Enter").shows("view bad of VMs saved");
    console.keys("Esc : \"columns_name_host\" Enter").hides("cpu  ");
    console.keys(": \"view_ba\"").shows("of VMs").keys("Enter").shows("there is no saved view `ba`, perhaps `bad`");
    console.keys("\"d\" Enter").shows_all(&["/state:failed", "29 of 10 240 VMs", "view bad of VMs"]);
    let file = home.path().join("bad.json");
    console.keys(": \"export_xml\" Enter").shows("expected csv or json");
    console.keys("ctrl-u \"export_json_\"");
    console.event(Event::Paste(file.display().to_string()));
    console.keys("Enter").shows("29 rows in /");
    let rows: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert!(rows.as_array().is_some_and(|rows| rows.len() == 29 && rows[0].get("host").is_none()), "{rows}");
    console.keys(": \"export_csv\" Enter").shows("29 VMs as CSV").keys("Esc").hides("as CSV");
    console.keys(": \"demo_fast\" Enter").shows("expected how many times as fast").keys("Esc");
    console.end();
}

#[test]
fn hosts_operations_tasks_and_events_are_written_too() {
    let home = tempfile::tempdir().unwrap();
    let console = busy(160, 36).start();
    console.shows("VMs").keys("5").shows("504 hosts");
    let hosts = exported(&console, &home.path().join("hosts.csv"), "X", "504 rows");
    assert!(
        hosts.starts_with("name,site,cluster,state,cpu_percent,demand_percent,memory_bytes,memory_total_bytes,vms")
    );
    console.keys("0").shows("Operations").keys("4");
    let operations = exported(&console, &home.path().join("operations.csv"), "X", "3 rows");
    assert!(operations.contains("boot 10 240 small"));
    console.keys("Enter").shows("all tasks: 10 240");
    let tasks = exported(&console, &home.path().join("tasks.csv"), "X", "10 240 rows");
    assert_eq!(tasks.lines().count(), 10_241);
    console.keys("7").shows("Events");
    let file = home.path().join("events.json");
    let events = exported(&console, &file, ": \"export-json\" Enter", "rows");
    let events: serde_json::Value = serde_json::from_str(&events).unwrap();
    assert!(
        events.as_array().is_some_and(|list| list.iter().all(|e| e["text"].is_string() && e["time_s"].is_number()))
    );
    console.end();
}

#[test]
fn the_mouse_sorts_chooses_marks_and_opens() {
    let console = Setup::new(fake::snapshot(fake::fleet(2_000), fake::operations()), 120, 36).start();
    console.shows("VMs").keys("z").shows("› VMs");
    click(&console, "mem");
    console.shows("by mem ↓");
    click(&console, "   mem");
    console.shows("by mem ↑");
    click(&console, "name   ");
    console.shows("by name ↑").shows("vm-3 ");
    // A click goes there, the right button and ctrl mark, the wheel scrolls.
    click(&console, "vm-3 ");
    console.shows("▸  vm-3 ");
    let at = |text| place(&console, text);
    mouse(&console, MouseEventKind::Down(MouseButton::Right), at("vm-5 "), KeyModifiers::NONE);
    console.shows("1 selected");
    mouse(&console, MouseEventKind::Drag(MouseButton::Right), at("vm-8 "), KeyModifiers::NONE);
    console.shows("4 selected");
    mouse(&console, MouseEventKind::Down(MouseButton::Left), at("vm-6 "), KeyModifiers::CONTROL);
    console.shows("3 selected");
    mouse(&console, MouseEventKind::Down(MouseButton::Left), at("vm-12 "), KeyModifiers::SHIFT);
    console.shows("10 selected");
    console.shows("▸● vm-12 ");
    mouse(&console, MouseEventKind::ScrollDown, at("vm-12 "), KeyModifiers::NONE);
    console.hides("▸● vm-12 ");
    // A double click opens, a step of the way leads back, a hint runs.
    let at = place(&console, "vm-20 ");
    for _ in 0..2 {
        mouse(&console, MouseEventKind::Down(MouseButton::Left), at, KeyModifiers::NONE);
    }
    console.shows("› vm-20");
    click(&console, "grid5000-2012");
    console.shows("Operations");
    click(&console, "? keys");
    console.shows("Moves the cursor down.");
    for _ in 0..5 {
        mouse(&console, MouseEventKind::ScrollDown, (60, 20), KeyModifiers::NONE);
    }
    console.hides("Moves the cursor down.");
    click(&console, "Esc close");
    console.hides("Keys · default");
    console.end();
}

#[test]
fn the_mouse_works_in_what_lies_over_the_panels() {
    let console = busy(120, 36).start();
    console.shows("VMs").keys("ctrl-p").shows("Find an action").keys("\"limits\"");
    // All letters are typed, and what they mean stands first.
    console.wait_until("the limits", |screen| {
        let mut lines = screen.lines().skip_while(|line| !line.contains("Find an action")).skip(1);
        lines.next().is_some_and(|line| line.contains("limits"))
            && lines.next().is_some_and(|line| line.contains("Changes how many"))
    });
    click(&console, "Changes how many");
    console.shows("boots in all");
    // A field, then a button.
    click(&console, "boots in all");
    console.keys("ctrl-u \"77\"").shows("77");
    click(&console, "Cancel");
    console.hides("boots in all");
    assert_eq!(console.commands(), 0);
    console.keys("b").shows("Boot VMs");
    click(&console, "placement");
    click(&console, "placement");
    console.shows("packed");
    click(&console, "Cancel");
    console.hides("Boot VMs").keys("C").shows("Columns of VMs");
    click(&console, "Where it is in its life.");
    click(&console, "Where it is in its life.");
    click(&console, "Enter keep");
    console.hides("Columns of VMs").hides(" state ");
    console.end();
}

#[test]
fn the_mouse_chooses_from_lists_of_words_and_keys() {
    let console = busy(120, 36).start();
    console.shows("VMs").keys("o").shows("o then");
    click(&console, "sort by dirty rate");
    console.shows("by dirty ↓").hides("o then");
    console.keys("/ \"state:\" Tab").shows("Tab goes on");
    click(&console, "failed    29");
    console.shows_all(&["/state:failed", "29 of 10 240 VMs"]).keys("Enter").hides("Tab goes on");
    console.keys("a").shows("With vm-");
    click(&console, "Stops and removes");
    console.shows("Destroy vm-").keys("Esc");
    console.keys(": \"filter_state:mig\"").shows_all(&[":filter state:mig", "migrating"]).drawn();
    click(&console, "migrating   ");
    console.shows(":filter state:migrating").keys("Enter").shows("/state:migrating");
    assert_eq!(console.commands(), 0);
    console.end();
}
