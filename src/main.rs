//! The `hemera` program.

fn main() {}
