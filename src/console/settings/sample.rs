//! A complete configuration file.

use super::SETTINGS;
use super::file::FREE;

const HEAD: &str = "\
# Hemera's configuration, as it is where nobody sets anything. It belongs in $XDG_CONFIG_HOME/hemera/config.toml, else
# ~/.config/hemera/config.toml. A flag goes before the environment, the environment before this file. The console reads
# it again when it changes; world, speed, colors, mouse and read_only count from the next start on.
";

/// The widest line.
const WIDTH: usize = 120;

/// A configuration file that sets everything to its default, and says what it is for.
pub fn sample() -> String {
    let mut parts = vec![HEAD.to_owned()];
    let mut table = None;
    for setting in SETTINGS {
        let mut key = setting.key;
        if let Some((new, inner)) = setting.key.split_once('.') {
            if table.replace(new) != Some(new) {
                parts.push(format!("[{new}]\n"));
            }
            key = inner;
        }
        let flag = setting.flag.map_or_else(String::new, |flag| format!(", {flag}"));
        let takes = setting.kind.expected().replace('`', "");
        let doc = comment(setting.doc);
        parts.push(format!("{doc}# Takes {takes} (${}{flag}).\n{key} = {}\n", setting.variable, setting.default));
    }
    parts.extend(FREE.iter().map(|(name, doc)| format!("{}[{name}]\n", comment(doc))));
    parts.join("\n")
}

/// A text as lines of comments.
fn comment(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.replace('`', "").split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n") + "\n"
}
