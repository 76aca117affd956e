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

/// Takes the file that comes from standard input to `$1`, which is as if it had come otherwise; see [`PLACE`].
const RECEIVE: &str = r#"cat > "$1" || { rm -f "$1"; exit 1; }"#;

/// Gives what arrived at `$1` the name `$2` and the permissions `$3` where its SHA-256 is `$4`; leaves nothing otherwise.
const PLACE: &str = r#"
part=$1 to=$2 mode=$3 sum=$4
refuse() { rm -f "$part"; [ -z "$1" ] || printf '%s\n' "$1" >&2; exit 1; }
[ ! -d "$to" ] || refuse "$to is a directory, expected a path for a file"
got=$(sha256sum < "$part") || refuse
got=${got%% *}
[ "$got" = "$sum" ] || refuse "what arrived has the SHA-256 $got, expected $sum: the file has changed or was cut off"
chmod "$mode" "$part" && mv -f "$part" "$to" || refuse
"#;

/// Where a file lies until it is whole, on its way to `to`.
fn part_of(to: &str) -> String {
    format!("{to}.hemera-{}", uuid())
}
