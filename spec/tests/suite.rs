//! The specification's test suite as tests of cargo; see the crate's documentation.

fn main() -> std::process::ExitCode {
    wamr_spec::suite::main()
}
