//! Files into guests and to hosts, and back from them.
//!
//! What arrives is written beside its place, compared by SHA-256, and then given its name: nothing bears a file's name
//! that is not whole.

mod guest;
mod host;
mod landing;

pub(super) use guest::Transfer;
pub(super) use host::Carry;

use super::work::uuid;

/// Takes the file that comes from standard input to `$1`; then [`PLACE`] follows.
const RECEIVE: &str = r#"umask 077; [ -d "$2" ] || cat > "$1" || { rm -f "$1"; exit 1; }"#;

/// Makes the file `$1`, which was not there, for its owner alone: QEMU's agent would make it for everybody, and leaves the
/// permissions of one that is there as they are.
const MAKE: &str = r#"umask 077; set -C; : > "$1""#;

/// Gives what arrived at `$1` the name `$2` and the permissions `$3` where it has `$5` bytes, of which `$4` is the SHA-256;
/// leaves nothing otherwise. Asked for again, as of an agent whose answer got lost, it finds that all is done.
const PLACE: &str = r#"
part=$1 to=$2 mode=$3 sum=$4 size=$5
placed() {
    [ ! -e "$part" ] && [ -f "$to" ] && [ "$(wc -c < "$to")" -eq "$size" ] || return 1
    got=$(sha256sum < "$to") && [ "${got%% *}" = "$sum" ]
}
refuse() {
    if placed; then exit 0; fi
    rm -f "$part"
    [ -z "$1" ] || printf '%s\n' "$1" >&2
    exit 1
}
[ ! -d "$to" ] || refuse "$to is a directory, expected a path for a file"
got=$(wc -c < "$part") || refuse ""
[ "$got" -eq "$size" ] || refuse "$got bytes arrived, expected $size: the file has changed or was cut off"
got=$(sha256sum < "$part") || refuse ""
got=${got%% *}
[ "$got" = "$sum" ] || refuse "what arrived has the SHA-256 $got, expected $sum: the file has changed"
chmod "$mode" "$part" && mv -f "$part" "$to" || refuse ""
"#;

/// Where a file lies until it is whole, on its way to `to`.
fn part_of(to: &str) -> String {
    format!("{to}.hemera-{}", uuid())
}

/// A reason that does not name what is only for a while there: as many as fail for it are told together.
fn without_part(why: &str, part: &str, to: &str) -> String {
    why.replace(part, to)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;
    use std::process::{Command, Output, Stdio};

    use super::*;

    const SUM: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// Gives a host these bytes of `abc`, as a copy to it does.
    fn receive(input: &[u8], to: &Path) -> Output {
        let to = to.display().to_string();
        let script = format!("{RECEIVE}\n{PLACE}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", &part_of(&to), &to, "751", SUM, "3"]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        // It may not want to read it.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    #[test]
    fn a_host_gives_a_file_its_name_when_it_is_whole_and_keeps_nothing_else() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("it's $HOME");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        fs::write(&to, "before").unwrap();
        let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        for (input, why) in [(b"ab" as &[u8], "2 bytes arrived, expected 3: "), (b"abd", &format!("expected {SUM}: "))]
        {
            let refused = receive(input, &to);
            assert!(!refused.status.success() && said(&refused).contains(why), "{refused:?}");
        }
        assert_eq!((names(), fs::read(&to).unwrap()), (1, b"before".to_vec()));
        let whole = receive(b"abc", &to);
        assert!(whole.status.success() && said(&whole).is_empty(), "{whole:?}");
        assert_eq!((names(), fs::read(&to).unwrap()), (1, b"abc".to_vec()));
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o7777, 0o751);
        let mut again = Command::new("sh");
        again.args(["-c", PLACE, "sh", &part_of("gone")]).arg(&to).args(["751", SUM, "3"]);
        assert!(again.status().unwrap().success(), "it is in its place");
        let directory = receive(b"abc", folder.path());
        let expected = format!("{} is a directory, expected a path for a file\n", folder.path().display());
        assert!(!directory.status.success() && said(&directory) == expected, "{directory:?}");
        let nowhere = receive(b"abc", &folder.path().join("nowhere/x"));
        assert!(!nowhere.status.success() && said(&nowhere).contains("nowhere/x.hemera-"), "{nowhere:?}");
        assert_eq!(names(), 1);
    }
}
