//! Translates modules for the C programs: `wat2wasm FROM-DIRECTORY TO-DIRECTORY`.

use std::path::Path;
use std::process::ExitCode;

fn translate(from: &Path, to: &Path) -> Result<(), Box<dyn std::error::Error>> {
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let name = path.with_extension("wasm");
            let name = name.file_name().ok_or("a file without a name")?;
            std::fs::write(to.join(name), wat::parse_file(&path)?)?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        eprintln!("usage: wat2wasm FROM-DIRECTORY TO-DIRECTORY");
        return ExitCode::from(2);
    };
    match translate(from.as_ref(), to.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
