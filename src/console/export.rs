//! What a table shows, written to a file for programs: CSV or JSON, on a thread of its own.
//!
//! Sizes are in bytes, rates in bytes a second, shares in percent, times in seconds of the platform's clock.

mod gather;
mod sheet;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use super::columns::Figure;
pub(crate) use gather::{Gather, Next};
pub(crate) use sheet::Sheet;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    /// Text as it is shown.
    Text,
}

impl Format {
    /// What it is called.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Text => "text",
        }
    }

    /// How its files end.
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Text => "txt",
        }
    }
}

/// Where something is written to, and how.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub path: PathBuf,
    pub format: Format,
    /// Whether a file that is there may be written over.
    pub overwrite: bool,
}

impl Target {
    /// A file named by somebody; `~/` is their home.
    pub(crate) fn named(path: &str, format: Format) -> Self {
        Self { path: Self::path(path), format, overwrite: false }
    }

    /// A path as somebody writes it; `~/` is their home.
    pub(crate) fn path(text: &str) -> PathBuf {
        let home = text.strip_prefix("~/").and_then(|rest| Some(PathBuf::from(std::env::var_os("HOME")?).join(rest)));
        home.unwrap_or_else(|| PathBuf::from(text))
    }

    /// What a file about `what` is called unless somebody says otherwise: `./hemera-vms-20261122-134500.csv`.
    pub(crate) fn default_path(what: &str, ending: &str) -> String {
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        format!("./hemera-{what}-{now}.{ending}")
    }
}

/// Something to be written.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    pub target: Target,
    pub sheet: Sheet,
}

/// How writing ended.
pub(crate) enum Ended {
    /// So many rows are in this file.
    Written(usize, PathBuf),
    /// There is such a file already; nothing was written.
    Exists(Box<Export>),
    /// Nothing was written, for this reason.
    Failed(String),
}

impl Export {
    /// Writes it on a thread of its own.
    pub(crate) fn start(self) -> oneshot::Receiver<Ended> {
        let (sender, receiver) = oneshot::channel();
        let work = move || drop(sender.send(self.write()));
        // Without the thread the sender is gone at once, and the receiver says so.
        drop(std::thread::Builder::new().name("console-export".into()).spawn(work));
        receiver
    }

    fn write(self) -> Ended {
        let path = self.target.path.clone();
        if !self.target.overwrite && path.exists() {
            return Ended::Exists(Box::new(self));
        }
        match self.replace(&path) {
            Ok(rows) => Ended::Written(rows, path),
            Err(error) => Ended::Failed(format!("{} cannot be written: {error}", path.display())),
        }
    }

    /// Writes beside the file and puts the new one in its place, so that it is never half written.
    fn replace(&self, path: &Path) -> io::Result<usize> {
        let mut name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?.to_owned();
        name.push(format!(".part{}", std::process::id()));
        let beside = path.with_file_name(name);
        let written = File::create(&beside).and_then(|file| {
            let rows = self.rows(BufWriter::with_capacity(1 << 16, file))?;
            std::fs::rename(&beside, path)?;
            Ok(rows)
        });
        if written.is_err() {
            drop(std::fs::remove_file(&beside));
        }
        written
    }

    /// Writes all rows; says how many there were.
    fn rows(&self, out: impl Write) -> io::Result<usize> {
        match self.target.format {
            Format::Csv => csv(&self.sheet, out),
            Format::Json => json(&self.sheet, out),
            Format::Text => text(&self.sheet, out),
        }
    }
}

fn csv(sheet: &Sheet, out: impl Write) -> io::Result<usize> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(sheet.fields())?;
    let mut rows = 0;
    sheet.each(&mut |figures| {
        rows += 1;
        for figure in figures {
            match figure {
                Figure::None => writer.write_field("")?,
                Figure::Text(text) => writer.write_field(text)?,
                Figure::Count(n) => writer.write_field(n.to_string())?,
                Figure::Share(n) => writer.write_field(n.to_string())?,
                Figure::Switch(on) => writer.write_field(on.to_string())?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
        Ok(())
    })?;
    writer.flush()?;
    Ok(rows)
}

fn text(sheet: &Sheet, mut out: impl Write) -> io::Result<usize> {
    let Sheet::Text(text) = sheet else { return Err(io::Error::other("a table is not written as text")) };
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(text.lines().count())
}

fn json(sheet: &Sheet, mut out: impl Write) -> io::Result<usize> {
    let fields = sheet.fields();
    let mut rows = 0;
    out.write_all(b"[")?;
    sheet.each(&mut |figures| {
        out.write_all(if rows == 0 { b"\n{" } else { b",\n{" })?;
        rows += 1;
        for (i, (field, figure)) in fields.iter().zip(figures).enumerate() {
            write!(out, "{}\"{field}\":", if i == 0 { "" } else { "," })?;
            match figure {
                Figure::None => out.write_all(b"null")?,
                Figure::Text(text) => serde_json::to_writer(&mut out, text)?,
                Figure::Count(n) => write!(out, "{n}")?,
                Figure::Share(n) => serde_json::to_writer(&mut out, n)?,
                Figure::Switch(on) => write!(out, "{on}")?,
            }
        }
        out.write_all(b"}")
    })?;
    out.write_all(b"\n]\n")?;
    out.flush()?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::columns::{Columns, Table};
    use crate::console::order::Order;
    use crate::fleet::{Fleet, VmRow, VmState};

    fn export(path: &Path, format: Format) -> Export {
        let mut fleet = Fleet::default();
        fleet.vms.push("a,\"b", VmRow { state: VmState::Up, cpu: 333, memory: 64, dirty: 2, ..VmRow::default() });
        fleet.vms.push("off", VmRow { state: VmState::Off, ..VmRow::default() });
        let columns = Columns::new(Table::Vms).shown().map(|c| c.shape.column).collect();
        let target = Target { path: path.to_owned(), format, overwrite: false };
        Export { target, sheet: Sheet::Vms { fleet, order: Order::All(2), columns } }
    }

    #[test]
    fn figures_are_plain_and_texts_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vms.csv");
        assert!(matches!(export(&path, Format::Csv).write(), Ended::Written(2, _)));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "name,state,host,site,cpu_percent,memory_bytes,dirty_rate,net_rate,class,since_s,note\n\
             \"a,\"\"b\",up,,,33.3,67108864,2048,0,,0,\noff,off,,,,0,,,,0,\n"
        );
        let path = dir.path().join("vms.json");
        assert!(matches!(export(&path, Format::Json).write(), Ended::Written(2, _)));
        let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!((json[0]["name"].as_str(), json[0]["cpu_percent"].as_f64()), (Some("a,\"b"), Some(33.3)));
        assert!(json[1]["cpu_percent"].is_null());
    }

    #[test]
    fn a_file_that_is_there_is_not_written_over_unasked_and_nothing_is_left_lying_about() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vms.csv");
        std::fs::write(&path, "mine").unwrap();
        let Ended::Exists(mut again) = export(&path, Format::Csv).write() else { panic!("wrote over it") };
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        again.target.overwrite = true;
        assert!(matches!(again.write(), Ended::Written(2, _)));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let nowhere = export(&dir.path().join("no/where.csv"), Format::Csv).write();
        assert!(matches!(nowhere, Ended::Failed(reason) if reason.contains("where.csv cannot be written")));
    }
}
