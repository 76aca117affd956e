//! Commands and their answers.

use serde_json::Value;

use super::*;

fn controls() -> Controls {
    Controls { load: Arc::new(Load::new()), reporter: Arc::new(Reporter::new(None, None)) }
}

fn json(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn settings_come_in_both_forms_and_several_at_once() {
    for line in ["dirty=25MB/s cpu=30%", "dirty 25 MB/s cpu 30 %", "  cpu=30 %   dirty 25MB/s "] {
        let controls = controls();
        let answer = json(&controls.answer(line).0);
        assert_eq!(answer["ok"], true, "{line}: {answer}");
        assert_eq!(answer["asked"]["dirty"], 25_000_000, "{line}");
        assert_eq!(answer["asked"]["cpu"], 0.3, "{line}");
    }
}

#[test]
fn a_bad_command_is_named_and_changes_nothing() {
    let controls = controls();
    controls.answer("cpu 10%");
    let before = controls.load.order().asked;
    for (line, told) in [
        ("cpu=30% dirty=25", "dirty: `25` is not a rate: expected"),
        ("cpu 30% dirty", "`dirty` wants a value, as in dirty=12.5MB/s"),
        ("drity 25MB/s", "`drity` is no command: expected stop, report, end, or settings (cpu,"),
        ("cpu=30% disk=1MB/s", "`disk` also wants a file"),
        ("cpu 30% cpu 40%", "`cpu` is given twice"),
        ("stop cpu", "`stop` is no command"),
        ("\u{7}", "is no command"),
        ("", "an empty line is no command"),
    ] {
        let answer = json(&controls.answer(line).0);
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(told)), "{line}: {answer}");
        assert_eq!(controls.load.order().asked, before, "{line}");
    }
}

#[test]
fn stop_ends_the_load_and_end_the_program() {
    let controls = controls();
    controls.answer("cpu 10% dirty 1MB/s");
    let (answer, end) = controls.answer("stop");
    assert_eq!((json(&answer)["asked"]["dirty"].as_f64(), end), (Some(0.0), false));
    assert!(controls.answer("end").1);
}

#[test]
fn lines_are_answered_in_turn_and_too_long_ones_refused() {
    let controls = controls();
    let mut output = Vec::new();
    controls.serve(&b"cpu 10%\nnonsense\nreport"[..], &mut output);
    let output = String::from_utf8(output).expect("text");
    let lines: Vec<Value> = output.lines().map(json).collect();
    assert_eq!(lines.len(), 3, "{output}");
    assert!(lines[0]["ok"] == true && lines[1]["error"].is_string() && lines[2]["achieved"].is_object(), "{output}");
    let mut output = Vec::new();
    controls.serve(&[b'x'; 10_000][..], &mut output);
    assert!(String::from_utf8_lossy(&output).contains("at most 4096 bytes"));
}
