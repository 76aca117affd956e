//! What is said to whoever started the program. They may no longer listen (`hemera lab status | head -1`): that is no
//! reason to stop half-way, as `println!` does.

/// Says a line on standard output.
macro_rules! say {
    ($($said:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($said)*)));
    }};
}

/// Says a line on standard error.
macro_rules! note {
    ($($said:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($said)*)));
    }};
}
