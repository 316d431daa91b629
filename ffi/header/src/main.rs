//! Writes `include/datastreams.h` from the sources of the ffi crate, or with `--check` says whether it is current.
//!
//! cbindgen writes all constants of a crate, then all types, then all functions. A manual page is read by subject, so it
//! runs once for each source file, and each file becomes a section under the title of its module comment.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The sections, in reading order: files of `ffi/src`.
const SECTIONS: [&str; 12] = [
    "status",
    "text",
    "config",
    "client",
    "edge",
    "pathway",
    "checkpoint",
    "track",
    "counters",
    "delivery",
    "fork",
    "version",
];

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let path = root().join("include/datastreams.h");
    let outcome = generate().and_then(|text| match std::env::args().nth(1).as_deref() {
        None => Ok(std::fs::write(&path, text)?),
        Some("--check") if std::fs::read_to_string(&path)? == text => Ok(()),
        Some("--check") => Err(format!("{} is stale: run `make header`", path.display()).into()),
        Some(other) => Err(format!("unknown argument {other}; there is only --check").into()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("header: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The whole header.
fn generate() -> Result<String, Failure> {
    let ffi = root().join("ffi");
    let config = cbindgen::Config::from_file(ffi.join("cbindgen.toml"))?;
    let mut out = config.header.clone().unwrap_or_default().trim().to_owned();
    let guard = config.include_guard.clone().unwrap_or_default();
    write!(out, "\n#ifndef {guard}\n#define {guard}\n\n")?;
    for include in &config.sys_includes {
        writeln!(out, "#include <{include}>")?;
    }
    out += config.after_includes.as_deref().unwrap_or_default().trim_end();
    out += "\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
    for name in SECTIONS {
        let source = ffi.join("src").join(name).with_extension("rs");
        out += &banner(&std::fs::read_to_string(&source)?);
        out += &section(&config, &source)?;
    }
    write!(out, "\n#ifdef __cplusplus\n}}\n#endif\n\n#endif // {guard}\n")?;
    Ok(out)
}

/// The title and the text of a module comment: `//! Title`, then what a C programmer should know.
fn banner(source: &str) -> String {
    let mut lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let title = lines.next().unwrap_or_default().trim();
    let mut banner = format!("\n// ---- {title} {}\n", "-".repeat(88usize.saturating_sub(title.len())));
    for line in lines.skip(1) {
        banner += format!("//{line}").trim_end();
        banner.push('\n');
    }
    banner
}

/// The items of one file.
fn section(config: &cbindgen::Config, source: &Path) -> Result<String, Failure> {
    let config = cbindgen::Config {
        header: None,
        include_guard: None,
        after_includes: None,
        no_includes: true,
        sys_includes: Vec::new(),
        ..config.clone()
    };
    let mut text = Vec::new();
    cbindgen::Builder::new().with_config(config).with_src(source).generate()?.write(&mut text);
    let text = String::from_utf8(text)?;
    let mut out = String::new();
    let mut lines = text.trim().lines().peekable();
    while let Some(line) = lines.next() {
        // Constants stand together: cbindgen sets every item apart.
        if line.is_empty() && out.lines().last().is_some_and(|last| last.starts_with("#define ")) {
            let mut ahead = lines.clone().skip_while(|next| next.starts_with("//"));
            if ahead.next().is_some_and(|next| next.starts_with("#define ")) {
                continue;
            }
        }
        out += line;
        out.push('\n');
    }
    Ok(format!("\n{out}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed() -> String {
        std::fs::read_to_string(root().join("include/datastreams.h")).unwrap()
    }

    #[test]
    fn the_committed_header_is_current() {
        assert!(generate().unwrap() == committed(), "include/datastreams.h is stale: run `make header`");
    }

    #[test]
    fn it_stays_short_and_narrow() {
        let header = committed();
        assert!(header.lines().count() < 400, "{} lines", header.lines().count());
        for line in header.lines() {
            assert!(line.chars().count() <= 104, "too wide: {line}");
        }
    }

    #[test]
    fn every_item_has_a_comment() {
        let header = committed();
        let items = header.split_once("extern \"C\" {\n#endif\n").unwrap().1;
        let mut above = "";
        let mut depth = 0;
        let mut checked = 0;
        for line in items.lines() {
            let code = line.trim();
            let item = code.starts_with("#define ")
                || code.starts_with("typedef ")
                || (depth > 0 && code.ends_with(';') && !code.starts_with('}'))
                || (code.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains("ds_") && code.contains('('))
                    && !line.starts_with(' ');
            if item {
                assert!(above.starts_with("//") || above == "DS_CHECK", "no comment: {line}");
                checked += 1;
            }
            depth += code.matches('{').count();
            depth -= code.matches('}').count();
            // The attribute stands between the comment and the function; what is above it is looked at there.
            if code == "DS_CHECK" {
                assert!(above.starts_with("//"), "no comment above a DS_CHECK");
            }
            above = code;
        }
        assert!(checked > 80, "only {checked} items were found");
    }

    #[test]
    fn no_export_is_missing() {
        let header = committed();
        for entry in std::fs::read_dir(root().join("ffi/src")).unwrap() {
            let path = entry.unwrap().path();
            let source = std::fs::read_to_string(&path).unwrap();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let exports = source.matches("#[unsafe(no_mangle)]").count();
            assert!(exports == 0 || SECTIONS.contains(&stem), "{} is no section of the header", path.display());
            let names = source.split("extern \"C\" fn ds_").skip(1).map(|rest| rest.split('(').next().unwrap());
            let mut named = 0;
            for name in names {
                assert!(header.contains(&format!("ds_{name}(")), "ds_{name} is not in the header");
                named += 1;
            }
            assert_eq!(named, exports, "in {}", path.display());
        }
    }
}
