//! Runs what the guide shows. In `docs/*.md`, a block ```` ```LANGUAGE file=NAME ```` is a file, and
//! a block ```` ```console ```` has commands behind `$ ` with what they print: standard output,
//! standard error, and `[exit code N]` if that is not 0.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The blocks of a page: what stands behind the opening fence, and the text.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// What a command prints, as the guide shows it.
fn run(dir: &Path, command: &str) -> String {
    let mut words = command.split(' ');
    let program = match words.next() {
        Some("iwasm") => env!("CARGO_BIN_EXE_iwasm"),
        #[cfg(feature = "jit")]
        Some("wamrc") => env!("CARGO_BIN_EXE_wamrc"),
        other => panic!("{other:?} is not part of this build"),
    };
    let mut command = Command::new(program);
    // Nothing of the user's.
    command.args(words).current_dir(dir).env("WAMR_CACHE_DIR", "");
    let output = command.output().expect("it starts");
    let mut text = String::from_utf8(output.stdout).expect("text");
    text += &String::from_utf8(output.stderr).expect("text");
    if !output.status.success() {
        text += &format!("[exit code {}]\n", output.status.code().expect("it was not killed"));
    }
    text
}

#[cfg(all(
    feature = "jit",
    feature = "loading-linking",
    target_os = "linux",
    target_arch = "x86_64"
))]
#[test]
fn commands_print_what_the_guide_says() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut commands = 0;
    for page in docs.read_dir().expect("the guide") {
        let page = page.expect("a page").path();
        let dir = tempfile::tempdir().expect("a directory");
        let text = fs::read_to_string(&page).expect("a page");
        for (info, text) in blocks(&text) {
            if let Some((_, file)) = info.split_once(" file=") {
                let file = dir.path().join(file);
                fs::create_dir_all(file.parent().expect("it is in the directory")).expect("made");
                fs::write(file, text).expect("written");
            } else if info == "console" {
                let lines = text.lines().filter(|line| line.starts_with("$ "));
                let shown: String =
                    lines.map(|line| format!("{line}\n{}", run(dir.path(), &line[2..]))).collect();
                assert_eq!(shown, text, "{}", page.display());
                commands += text.matches("$ ").count();
            }
        }
    }
    assert!(commands >= 12, "{commands} commands were found");
}
