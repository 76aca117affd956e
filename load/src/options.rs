//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::settings::{Change, NAMES};
use crate::units::{Refusal, span};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Loads this machine: CPU, dirty memory, disk, network, each at a rate that may change while it runs

Usage: hemera-load [OPTIONS]
       hemera-load ctl PATH COMMAND...

Options:
  --cpu SHARE         share of all vCPUs that is used, all that this program does included: 60%
  --dirty RATE        memory written to, counted in pages of 4 KiB: 12.5MB/s
  --working-set SIZE  how much memory that goes round in: 64MiB (the default), or 90% of what is free
  --disk RATE         data written to the file, which takes 16 MiB and goes in the end: 5MB/s
  --file PATH         that file
  --net RATE          payload that is sent: 1MB/s, 100Mbit/s
  --to ADDRESS        where to: IP:PORT or udp:IP:PORT (nobody has to listen), or tcp:IP:PORT
  --control PATH      take commands on a socket made there, or from a FIFO that is there; - for standard input,
                      with whose end the program ends. PATH.json beside a socket holds a report of the last seconds
  --report INTERVAL   print a report so often: 1s
  -h, --help          print this
  -V, --version       print the version

Commands, one a line, each answered by a line of JSON (from a FIFO: on standard output):
  dirty=25MB/s cpu=30%   change these settings, all or none; `dirty 25MB/s cpu 30%` is the same; `off` is no load
  stop                   end all load, give the memory back, wait for commands
  report                 what is asked for and what is achieved
  end                    end the program

ctl exits with 0 when the command was carried out, 1 when not.

Reports give bytes, bytes per second, seconds, and CPU as a share of all vCPUs from 0 to 1; `achieved` is the mean over
the last `window_s` seconds, `done` the sum since the start, `passes` how often the working set was gone through.
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Options {
    Help,
    Version,
    /// Give a running program a command.
    Call {
        path: PathBuf,
        command: String,
    },
    /// Load the machine.
    Run {
        change: Change,
        control: Option<String>,
        report: Option<Duration>,
    },
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Refusal> {
        let mut arguments = arguments.into_iter().peekable();
        if arguments.next_if_eq("ctl").is_some() {
            return match (arguments.next(), arguments.collect::<Vec<_>>().join(" ")) {
                (Some(help), _) if help == "--help" || help == "-h" => Ok(Self::Help),
                (Some(path), command) if !command.trim().is_empty() => Ok(Self::Call { path: path.into(), command }),
                _ => Err(Refusal("ctl wants a path and a command, as in: hemera-load ctl /run/load report".to_owned())),
            };
        }
        let (mut change, mut control, mut report) = (Change::default(), None, None);
        let mut empty = true;
        while let Some(argument) = arguments.next() {
            empty = false;
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            match name {
                "--help" | "-h" => return Ok(Self::Help),
                "--version" | "-V" => return Ok(Self::Version),
                _ => {}
            }
            let known =
                name.strip_prefix("--").filter(|name| NAMES.contains(name) || matches!(*name, "control" | "report"));
            let Some(setting) = known else {
                let names: Vec<String> = NAMES.iter().map(|name| format!("--{name}")).collect();
                return Err(Refusal(format!(
                    "`{argument}` is no option: expected ctl, {}, --control, --report or --help",
                    names.join(", ")
                )));
            };
            let value = value.or_else(|| arguments.next_if(|next| !next.starts_with("--"))).unwrap_or_default();
            let named = |refusal: Refusal| Refusal(format!("{name}: {refusal}"));
            match setting {
                "control" if control.is_some() => return Err(Refusal("`control` is given twice".to_owned())),
                "control" if value.is_empty() => {
                    return Err(Refusal("`control` wants a path, or - for standard input".to_owned()));
                }
                "control" => control = Some(value),
                "report" if report.is_some() => return Err(Refusal("`report` is given twice".to_owned())),
                "report" => report = Some(span(&value).map_err(named)?),
                setting => change.set(setting, &value)?,
            }
        }
        if empty {
            return Err(Refusal("nothing is asked for: give a load, or --control to ask for one later".to_owned()));
        }
        Ok(Self::Run { change, control, report })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Refusal> {
        Options::parse(line.split('|').filter(|word| !word.is_empty()).map(str::to_owned))
    }

    #[test]
    fn both_ways_to_give_a_value_are_the_same() {
        let one = parse("--cpu|60 %|--dirty|12.5MB/s|--control|-|--report|1s").expect("good");
        let other = parse("--cpu=60%|--dirty=12.5 MB/s|--control=-|--report=1 s").expect("good");
        assert_eq!(one, other);
        assert!(matches!(one, Options::Run { control: Some(control), report: Some(_), .. } if control == "-"));
    }

    #[test]
    fn ctl_takes_the_rest_as_one_command() {
        let path = PathBuf::from("/run/load");
        assert_eq!(
            parse("ctl|/run/load|dirty=25MB/s|cpu=30%"),
            Ok(Options::Call { path, command: "dirty=25MB/s cpu=30%".to_owned() })
        );
        assert!(parse("ctl|/run/load").is_err());
        assert_eq!(parse("ctl|--help"), Ok(Options::Help));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, told) in [
            ("", "nothing is asked for"),
            ("--cup|1%", "`--cup` is no option: expected ctl, --cpu,"),
            ("now", "`now` is no option"),
            ("--cpu|--dirty|1MB/s", "`cpu` wants a value, as in cpu=60%"),
            ("--cpu", "`cpu` wants a value"),
            ("--report|often", "--report: `often` is not an interval: expected"),
            ("--control", "`control` wants a path"),
            ("--dirty|much", "dirty: `much` is not a rate: expected"),
        ] {
            let refusal = parse(line).expect_err(line);
            assert!(refusal.0.contains(told), "{line}: {refusal}");
        }
    }
}
