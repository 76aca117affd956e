//! The `hemera` program.

fn main() -> std::process::ExitCode {
    hemera::cli::main()
}
